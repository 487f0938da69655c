"""What a visitor reads when a page cannot be shown; the templates hold the rest."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

_SECONDS_UNTIL_RETRY = "10"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say that a request is none: a page for people, JSON for programs.

    A host name that is not in ALLOWED_HOSTS comes by here, before any view.
    """
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": "This is no request for here."}, status=400)
    return HttpResponse(render_to_string("400.html"), status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """Say that something failed here, and whether waiting helps.

    Called while the exception is handled, wherever it was raised: a session is saved
    after its view has returned. Rendered without the request, whose user and messages
    are in the database.
    """
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        return HttpResponse(
            render_to_string("503.html"),
            status=503,
            headers={"Retry-After": _SECONDS_UNTIL_RETRY},
        )
    return HttpResponse(render_to_string("500.html"), status=500)
