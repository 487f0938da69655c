"""The door that WhatsApp knocks on. It stores, answers, and leaves the work to others.

What goes wrong, and what Meta hears:

- not signed by any secret we know: 403, always the same, nothing stored;
- signed, however bad its content: stored, 200; sending it again would not mend it;
- not stored, for whatever reason: 503, and Meta sends it again for seven days;
- stored, but the bell is dead: 200 all the same, the sweep finds it.
"""

import hmac
import logging
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import Error
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    UnreadablePostError,
)
from rest_framework.views import APIView

from messaging.webhook.group_commit import NotStored, accept_event
from messaging.webhook.signature import signer_of
from tenants.encryption import UnreadableSecret

logger = logging.getLogger(__name__)

_RETRY_AFTER_SECONDS = "10"


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

    def initialize_request(
        self, request: HttpRequest, *_args: Any, **_kwargs: Any
    ) -> Any:
        return request

    def initial(self, request: Any, *_args: Any, **_kwargs: Any) -> None:
        pass

    def finalize_response(
        self, request: Any, response: Any, *_args: Any, **_kwargs: Any
    ) -> Any:
        return response

    def handle_exception(self, exc: Exception) -> NoReturn:
        raise exc

    def http_method_not_allowed(self, request: Any, *_args: Any, **_kwargs: Any) -> Any:
        return HttpResponseNotAllowed(["GET", "POST"])

    def get(self, request: HttpRequest) -> HttpResponse:
        """Answer the handshake that Meta makes when the address is entered."""
        query = request.GET
        token = query.get("hub.verify_token", "").encode()
        known = settings.WHATSAPP_VERIFY_TOKEN.encode()
        if (
            query.get("hub.mode") != "subscribe"
            or not known
            or not hmac.compare_digest(token, known)
        ):
            return _answer(403, "The verify token is not ours.")
        # Plain text: as HTML, whoever knows the token could have us send scripts.
        return _answer(200, query.get("hub.challenge", ""))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Store a signed body and answer 200 once it is committed."""
        try:
            body = _body_of(request)
        except RequestDataTooBig:
            return _answer(413, "Larger than anything WhatsApp sends.")
        except UnreadablePostError:
            return _answer(400, "The body broke off.")
        try:
            signer = signer_of(
                body=body, signature=request.META.get("HTTP_X_HUB_SIGNATURE_256", "")
            )
            if signer is None:
                return _answer(403, "Not signed with a secret we know.")
            self.accept(body=body, signed_by=signer)
        except (NotStored, Error, UnreadableSecret) as exc:
            logger.error("A webhook could not be stored: %s", type(exc).__name__)
            response = _answer(503, "Not stored; please send it again.")
            response["Retry-After"] = _RETRY_AFTER_SECONDS
            return response
        return _answer(200, "stored")


def _body_of(request: HttpRequest) -> bytes:
    """Return the bytes that were posted, also from a proxy that sends them in chunks.

    Such a request states no length, and Django takes that for an empty body. Raises
    RequestDataTooBig or UnreadablePostError.
    """
    if request.META.get("HTTP_TRANSFER_ENCODING", "").lower() != "chunked":
        return request.body
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    body = bytearray()
    try:
        while piece := request.META["wsgi.input"].read(most + 1 - len(body)):
            body += piece
            if len(body) > most:
                raise RequestDataTooBig
    except OSError as exc:
        raise UnreadablePostError from exc
    return bytes(body)


def _answer(status: int, text: str) -> HttpResponse:
    content = text.encode()
    return HttpResponse(
        content,
        status=status,
        content_type="text/plain; charset=utf-8",
        headers={"Content-Length": str(len(content))},
    )
