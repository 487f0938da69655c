"""A demo message's own part of a webhook's body, by its type."""

import base64
import hashlib
from typing import Any

_MEDIA = {"image": "image/jpeg", "document": "application/pdf", "voice": "audio/ogg"}


def content_of(kind: str, content: list[str], wamid: str) -> dict[str, Any]:
    """Return a message's type and what belongs to it."""
    match kind:
        case "text":
            return {"type": "text", "text": {"body": content[0]}}
        case "image":
            return {
                "type": "image",
                "image": {**_media(kind, wamid), "caption": content[0]},
            }
        case "document":
            media = {**_media(kind, wamid), "filename": content[0]}
            return {"type": "document", "document": media}
        case "voice":
            return {"type": "audio", "audio": {**_media(kind, wamid), "voice": True}}
        case "location":
            place = {"latitude": 19.0213, "longitude": 72.8424, "name": content[0]}
            return {"type": "location", "location": place}
        case "button":
            return _interactive("button_reply", {"id": "yes", "title": content[0]})
        case "list":
            title, description = content
            chosen = {"id": "slot_16", "title": title, "description": description}
            return _interactive("list_reply", chosen)
        case "reaction":
            return {"type": "reaction", "reaction": {"emoji": content[0]}}
        case "contacts":
            name, phone = content
            card = {
                "name": {"formatted_name": name, "first_name": name.split(" ")[0]},
                "phones": [{"phone": f"+{phone}", "wa_id": phone, "type": "CELL"}],
                "origin": "other",
            }
            return {"type": "contacts", "contacts": [card]}
    raise ValueError(kind)


def _interactive(kind: str, reply: dict[str, str]) -> dict[str, Any]:
    return {"type": "interactive", "interactive": {"type": kind, kind: reply}}


def _media(kind: str, wamid: str) -> dict[str, Any]:
    digest = hashlib.sha256(wamid.encode()).digest()
    return {
        "id": str(int.from_bytes(digest[:6], "big")),
        "mime_type": _MEDIA[kind],
        "sha256": base64.b64encode(digest).decode(),
    }
