"""The short way to the webhook: past everything that only pages for people need.

Sessions, logins, CSRF, flash messages, compression and the resolving of addresses cost
more than all that is done with a post. What stands before this in MIDDLEWARE still
holds for it: the redirect to https and the security headers.
"""

from collections.abc import Callable
from typing import cast

from django.http import HttpRequest, HttpResponse

from messaging.urls import PATHS, webhook

_Answer = Callable[[HttpRequest], HttpResponse]


def webhook_shortcut(get_response: _Answer) -> _Answer:
    """Hand what is posted to the webhook straight to it."""

    def answer(request: HttpRequest) -> HttpResponse:
        if request.path_info in PATHS:
            return cast(HttpResponse, webhook(request))
        return get_response(request)

    return answer
