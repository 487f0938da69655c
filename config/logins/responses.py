"""What is answered instead of the login page when a login was not tried."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from config.logins.hashing import TooManyLogins

_Answer = Callable[[HttpRequest], HttpResponse]

_SECONDS_UNTIL_RETRY = "5"  # by then those who waited are through, or gave up


def locked_out(request: Any, *_: Any) -> HttpResponse:
    """Say for how long no login is tried; axes calls it, with one argument or more."""
    left = request.login_locked_until - request.axes_attempt_time
    seconds = max(int(left.total_seconds()), 1)
    page = render_to_string("login_locked.html", {"minutes": -(-seconds // 60)})
    return HttpResponse(page, status=429, headers={"Retry-After": str(seconds)})


class TooManyLoginsMiddleware:
    """Answers 503 wherever a password was not hashed, because too many wait."""

    def __init__(self, get_response: _Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponse | None:
        if not isinstance(exception, TooManyLogins):
            return None
        return HttpResponse(
            render_to_string("login_busy.html"),
            status=503,
            headers={"Retry-After": _SECONDS_UNTIL_RETRY},
        )
