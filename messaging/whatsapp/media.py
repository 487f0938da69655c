"""The file that a message brings: what the webhook says of it, before it is fetched."""

import base64
from dataclasses import dataclass

from messaging.whatsapp.values import JsonObject, id_at, object_at, text_at

KINDS = frozenset({"image", "video", "audio", "document", "sticker"})

# Names and types are the sender's; nothing needs more of them than a screen shows.
_MAX_LENGTH = 255
_SHA256_BYTES = 32


@dataclass(frozen=True, slots=True)
class Media:
    """A file at Meta's. `sha256` is in hex, "" when the webhook gave none."""

    media_id: str
    mime_type: str
    sha256: str
    # As the sender called it: shown, never used as a name on our disk.
    file_name: str


def media_of(kind: str, item: JsonObject) -> Media | None:
    """Return the file that a message brings; an edited message brings its own."""
    if kind == "edit":
        item = object_at(object_at(item, "edit"), "message")
        kind = text_at(item, "type")
    if kind not in KINDS:
        return None
    media = object_at(item, kind)
    media_id = id_at(media, "id")
    if not media_id:
        return None
    return Media(
        media_id=media_id,
        mime_type=text_at(media, "mime_type")[:_MAX_LENGTH],
        sha256=sha256_of(media.get("sha256")),
        file_name=text_at(media, "filename")[:_MAX_LENGTH],
    )


def sha256_of(value: object) -> str:
    """Return a SHA-256 in hex, however it was spelled; "" when it is none.

    Webhooks write it in base64, the Graph API and a phone's history in hex.
    """
    if not isinstance(value, str):
        return ""
    text = value.strip()
    try:
        if len(text) == 2 * _SHA256_BYTES:
            digest = bytes.fromhex(text)
        else:
            standard = text.translate(str.maketrans("-_", "+/")).rstrip("=")
            digest = base64.b64decode(
                standard + "=" * (-len(standard) % 4), validate=True
            )
    except ValueError:  # of base64 as well
        return ""
    return digest.hex() if len(digest) == _SHA256_BYTES else ""
