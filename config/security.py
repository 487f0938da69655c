"""Headers that keep a page to itself, and out of every cache."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# The admin's own scripts evaluate the expressions in its markup (Alpine), and its
# charts and calendars set styles; nothing is loaded from another host.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


def security_headers(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: send the content security policy with every page, and `no-store`.

    Nearly every answer is somebody's: pages, the API's answers and its errors, files.
    What may be cached says so itself, as static files do.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return middleware
