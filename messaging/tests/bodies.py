"""Bodies as WhatsApp posts them, with as little in them as a test wants to say."""

import json
from collections.abc import Sequence
from typing import Any

APP_SECRET = "test_app_secret"
PHONE_NUMBER_ID = "114620538274910"
WABA_ID = "109283746501123"
BUSINESS_PHONE = "919812340001"
ASHA = "919800000101"
ASHA_ID = "IN.7714302958816420"
NOON = 1795269600  # 2026-11-21T14:00:00Z

JsonObject = dict[str, Any]


def message(wamid: str = "wamid.A", **fields: Any) -> JsonObject:
    return {
        "from": ASHA,
        "id": wamid,
        "timestamp": str(NOON),
        "type": "text",
        "text": {"body": "hello"},
    } | fields


def status(wamid: str = "wamid.S", status: str = "sent", **fields: Any) -> JsonObject:
    return {
        "id": wamid,
        "status": status,
        "timestamp": str(NOON),
        "recipient_id": ASHA,
    } | fields


def person(
    phone: str | None = ASHA, name: str | None = "Asha Verma", **fields: Any
) -> JsonObject:
    entry: JsonObject = {} if name is None else {"profile": {"name": name}}
    return entry | ({} if phone is None else {"wa_id": phone}) | fields


def change(
    *,
    field: str = "messages",
    phone_number_id: Any = PHONE_NUMBER_ID,
    contacts: Sequence[JsonObject] | None = None,
    **arrays: Any,
) -> JsonObject:
    value: JsonObject = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": BUSINESS_PHONE,
            "phone_number_id": phone_number_id,
        },
    }
    if contacts is not None:
        value["contacts"] = list(contacts)
    return {"field": field, "value": value | arrays}


def envelope(*changes: JsonObject, waba_id: str = WABA_ID) -> JsonObject:
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": waba_id, "changes": list(changes)}],
    }


def body(*changes: JsonObject, waba_id: str = WABA_ID) -> bytes:
    return json.dumps(envelope(*changes, waba_id=waba_id)).encode()


def message_body(
    *messages: JsonObject,
    contacts: Sequence[JsonObject] | None = None,
    **fields: Any,
) -> bytes:
    return body(change(messages=list(messages), contacts=contacts, **fields))


def status_body(*statuses: JsonObject, **fields: Any) -> bytes:
    return body(change(statuses=list(statuses), **fields))


def echo(wamid: str, **fields: Any) -> bytes:
    item = message(wamid, **{"from": "919812340001", "to": ASHA}) | fields
    return body(change(field="smb_message_echoes", message_echoes=[item]))


def edit(original: str, text: str, wamid: str, at: int = NOON + 60) -> bytes:
    edited = {"type": "text", "text": {"body": text}}
    return message_body(
        message(
            wamid,
            type="edit",
            timestamp=str(at),
            edit={"original_message_id": original, "message": edited},
        )
    )


def revoke(original: str, wamid: str = "wamid.REVOKE", **fields: Any) -> bytes:
    item = {"type": "revoke", "revoke": {"original_message_id": original}}
    return message_body(message(wamid, **item, **fields))
