"""Send an answer over ASGI."""

from collections.abc import Awaitable, Callable
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string

from config.security import CONTENT_SECURITY_POLICY
from config.server.request_body import BodyRefused

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_RETRY_AFTER_SECONDS = "5"


async def start(response: HttpResponseBase, send: Send) -> None:
    """Send the status and the headers."""
    headers = [
        (name.encode("ascii"), value.encode("latin-1"))
        for name, value in response.items()
    ]
    headers += [
        (b"Set-Cookie", cookie.output(header="").strip().encode("ascii"))
        for cookie in response.cookies.values()
    ]
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": headers,
        }
    )


async def send_whole(response: HttpResponse, send: Send) -> None:
    """Send an answer that is in memory."""
    await start(response, send)
    await send({"type": "http.response.body", "body": response.content})


def refusal(scope: Scope, *, status: int, message: str) -> HttpResponse:
    """Return an answer of the server's own: a page for people, JSON for programs.

    The connection is closed after it: the rest of a body may still be on its way.
    """
    response: HttpResponse
    if scope["path"].startswith("/api/"):
        response = JsonResponse({"detail": message}, status=status)
    else:
        response = HttpResponse(
            render_to_string("refused.html", {"message": message}), status=status
        )
    response.headers["Content-Length"] = str(len(response.content))
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Connection"] = "close"
    if status == BUSY:
        response.headers["Retry-After"] = _RETRY_AFTER_SECONDS
    return response


def body_refusal(scope: Scope, refused: BodyRefused) -> HttpResponse:
    """Return the answer to a body that is not taken."""
    return refusal(scope, status=refused.status, message=str(refused))


BUSY = 503
