"""Post to a server what Meta would post, signed, and tell how it was taken."""

import hashlib
import hmac
import json
import urllib.error
import urllib.request
from datetime import datetime

from tenants.models import WhatsAppNumber
from tenants.steps import Step

_HTTP_TIMEOUT_SECONDS = 10


def text_message(
    *, number: WhatsAppNumber, phone: str, wamid: str, name: str, now: datetime
) -> bytes:
    """Return what Meta would send; without a name it says nothing of the profile."""
    profile = {"profile": {"name": name}} if name else {}
    value = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": number.display_phone_number,
            "phone_number_id": number.phone_number_id,
        },
        "contacts": [{**profile, "wa_id": phone}],
        "messages": [
            {
                "from": phone,
                "id": wamid,
                "timestamp": str(int(now.timestamp())),
                "type": "text",
                "text": {"body": "A test message of send_test_webhook."},
            }
        ],
    }
    change = {"field": "messages", "value": value}
    return json.dumps(
        {
            "object": "whatsapp_business_account",
            "entry": [{"id": number.waba_id, "changes": [change]}],
        }
    ).encode()


def send(url: str, body: bytes, *, secret: str) -> Step:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Hub-Signature-256": f"sha256={digest}",
        # As the proxy before a production server says it; without one nobody reads it.
        "X-Forwarded-Proto": "https",
    }
    if not url.startswith(("http://", "https://")):
        return Step("Message sent", False, url, "The address begins with https://.")
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - scheme checked above
    try:
        with urllib.request.urlopen(request, timeout=_HTTP_TIMEOUT_SECONDS) as answer:  # noqa: S310 - as above
            status = answer.status
    except urllib.error.HTTPError as exc:
        status = exc.code
    except OSError as exc:
        return Step(
            "Message sent",
            False,
            f"{url} cannot be reached: {getattr(exc, 'reason', exc)}",
            "Start the server (`manage.py start`), or give its address with --url.",
        )
    return Step("Message sent", status == 200, f"{url} answered {status}", _WHY[status])


class _Reasons(dict[int, str]):
    def __missing__(self, status: int) -> str:
        return "Look into the log of the web server."


_WHY = _Reasons(
    {
        200: "",
        400: "ALLOWED_HOSTS of the server must hold the host of this address.",
        403: "The server knows another WHATSAPP_APP_SECRET than this command does.",
        404: "The path is /webhooks/whatsapp/.",
        503: "The server cannot store: is its database up?",
    }
)
