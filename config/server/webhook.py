"""Posts to the webhook: the only requests that never see a thread.

Sessions, logins, CSRF, flash messages, compression and the resolving of addresses cost
more than all that is done with a post. The redirect to https and the security headers
hold for it as for every page.
"""

from collections.abc import Awaitable, Callable
from typing import cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.security import SecurityMiddleware

from config.security import CONTENT_SECURITY_POLICY
from config.server.request_body import (
    BodyBrokenOff,
    BodyLimits,
    BodyRefused,
    BodyTooLarge,
    Memory,
    Receive,
    receive_body,
    stated_length,
)
from config.server.responses import Scope, Send, send_whole
from messaging.urls import PATHS, webhook
from messaging.webhook.view import (
    BROKEN_OFF,
    MAX_BODY_BYTES,
    TOO_LARGE,
    WebhookRequest,
    plain_answer,
)

# Meta sends a body in one go; 3 MB in ten seconds is what a telephone's line does.
LIMITS = BodyLimits(max_bytes=MAX_BODY_BYTES, seconds=10)

View = Callable[[WebhookRequest], Awaitable[HttpResponse]]


class WebhookEndpoint:
    """Takes posts to the webhook on the event loop."""

    def __init__(self, *, memory: Memory, limits: BodyLimits = LIMITS) -> None:
        self.memory = memory
        self.limits = limits
        self.views = dict.fromkeys(PATHS, cast(View, webhook))

        def unused(request: HttpRequest) -> HttpResponse:
            raise NotImplementedError

        self.security = SecurityMiddleware(unused)

    def takes(self, scope: Scope) -> bool:
        """Tell whether this is for it. What is to be redirected to https is not."""
        return (
            scope["method"] == "POST"
            and scope["path"] in self.views
            and (is_secure(scope) or not settings.SECURE_SSL_REDIRECT)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one post."""
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        with self.memory.reservation() as reservation:
            try:
                body = await receive_body(
                    receive,
                    self.limits,
                    length=stated_length(headers),
                    reservation=reservation,
                )
            except BodyRefused as refused:
                words = {BodyTooLarge: TOO_LARGE, BodyBrokenOff: BROKEN_OFF}
                text = words.get(type(refused), str(refused))
                response = plain_answer(refused.status, text)
                response.headers["Connection"] = "close"
            else:
                request = WebhookRequest(body, _meta(headers), is_secure(scope))
                response = await self.views[scope["path"]](request)
                self.security.process_response(cast(HttpRequest, request), response)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        await send_whole(response, send)


def _meta(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the one header that the view reads, under the name that Django gives it.

    `X_Hub_Signature_256`, with underscores, is another header.
    """
    for name, value in headers:
        if name == b"x-hub-signature-256":
            return {"HTTP_X_HUB_SIGNATURE_256": value.decode("latin-1")}
    return {}


def is_secure(scope: Scope) -> bool:
    """Tell whether the client's connection is https, by the proxy's word if we ask it.

    As `HttpRequest.is_secure` does, with SECURE_PROXY_SSL_HEADER.
    """
    if settings.SECURE_PROXY_SSL_HEADER is None:
        return bool(scope.get("scheme") == "https")
    for name, value in scope["headers"]:
        if name == b"x-forwarded-proto":
            return bool(value.split(b",")[0].strip() == b"https")
    return bool(scope.get("scheme") == "https")
