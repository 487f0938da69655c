"""The webhook's view: it stores what is signed, answers, and leaves the work to others.

What goes wrong, and what Meta hears:

- not signed by any secret we know: 403, always the same, nothing stored;
- signed, however bad its content: stored, 200; sending it again would not mend it;
- larger than anything that Meta sends: 413; too slow: 408; broken off: 400;
- not stored, for whatever reason: 503, and Meta sends it again for seven days;
- stored, but no worker can be woken: 200 all the same, the sweep finds it.

A server reads the body before it calls the view (config/server/webhook.py).
"""

import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import Error
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    UnreadablePostError,
)
from rest_framework.views import APIView

from messaging.webhook.group_commit import NotStored, accept_event
from messaging.webhook.signature import find_signer
from tenants.encryption import UnreadableSecret

logger = logging.getLogger(__name__)

# Meta sends up to 3 MB in one POST; a limit below that would make it try again for
# seven days. https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview
MAX_BODY_BYTES = 4 * 1024 * 1024
TOO_LARGE = "Larger than anything WhatsApp sends."
BROKEN_OFF = "The body broke off."
_RETRY_AFTER_SECONDS = "10"


@dataclass(slots=True)
class WebhookRequest:
    """All that the view asks of a POST: Django's own request costs as much as the rest.

    `META` as of a `HttpRequest`, with the one header that is needed.
    """

    body: bytes
    META: Mapping[str, str]
    secure: bool
    method: str = "POST"

    def read(self, size: int) -> bytes:
        """Return the body, up to `size` bytes of it."""
        return self.body[:size]

    def is_secure(self) -> bool:
        """Tell whether it came through https."""
        return self.secure


class WhatsAppWebhook(APIView):
    """Meta's verification (GET) and its updates (POST).

    Of the framework's pipeline nothing is used, and it costs half of the speed:
    who posts is told by the signature, and the body is kept as bytes.
    """

    http_method_names = ["get", "post"]
    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    accept = staticmethod(accept_event)

    async def dispatch(  # type: ignore[override] # DRF has no async views of its own
        self, request: Any, *_args: Any, **_kwargs: Any
    ) -> HttpResponse:
        """Answer on the event loop, past the framework's pipeline."""
        if request.method == "POST":
            return await self.post(request)
        if request.method == "GET":
            return await self.get(request)
        return HttpResponseNotAllowed(["GET", "POST"])

    async def get(self, request: HttpRequest) -> HttpResponse:
        """Answer the handshake that Meta makes when the address is entered."""
        query = request.GET
        token = query.get("hub.verify_token", "").encode(errors="replace")
        known = settings.WHATSAPP_VERIFY_TOKEN.encode()
        if (
            query.get("hub.mode") != "subscribe"
            or not known
            or not hmac.compare_digest(token, known)
        ):
            return plain_answer(403, "The verify token is not ours.")
        # Plain text: as HTML, whoever knows the token could have us send scripts.
        return plain_answer(200, query.get("hub.challenge", ""))

    async def post(self, request: HttpRequest | WebhookRequest) -> HttpResponse:
        """Store a signed body and answer 200 once it is committed."""
        try:
            # Not `request.body`, whose limit is that of pages.
            body = request.read(MAX_BODY_BYTES + 1)
        except UnreadablePostError:
            return plain_answer(400, BROKEN_OFF)
        if len(body) > MAX_BODY_BYTES:
            return plain_answer(413, TOO_LARGE)
        try:
            signer = await find_signer(
                body=body, signature=request.META.get("HTTP_X_HUB_SIGNATURE_256", "")
            )
            if signer is None:
                return plain_answer(403, "Not signed with a secret we know.")
            await self.accept(body=body, signed_by=signer)
        except (NotStored, Error, UnreadableSecret) as exc:
            logger.error("A webhook could not be stored: %s", type(exc).__name__)
            response = plain_answer(503, "Not stored; please send it again.")
            response["Retry-After"] = _RETRY_AFTER_SECONDS
            return response
        return plain_answer(200, "stored")


def plain_answer(status: int, text: str) -> HttpResponse:
    """Return a short answer for a program."""
    content = text.encode(errors="replace")
    return HttpResponse(
        content,
        status=status,
        content_type="text/plain; charset=utf-8",
        headers={"Content-Length": str(len(content))},
    )
