"""What a visitor reads when a page cannot be shown; the templates hold the rest."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

_SECONDS_UNTIL_RETRY = "10"


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
