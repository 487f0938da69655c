"""Where django-axes asks whether a login may be tried, and tells how it went."""

import logging
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from django.http import HttpRequest

from config.logins.addresses import client_address
from config.logins.limits import forget_failures, locked_until, record_failure
from contacts.masking import name_for_log

logger = logging.getLogger("config.logins")

_LONGEST_ACCOUNT = 150


class LoginHandler(AxesDatabaseHandler):  # type: ignore[misc] # axes has no types
    """Counts by `limits`, which knows several; axes knows one for everything.

    Axes would keep what was posted with each failure as well, and forget everybody's
    failures at an address when anybody logs in there.
    """

    def is_locked(
        self, request: HttpRequest, credentials: dict[str, Any] | None = None
    ) -> bool:
        until = locked_until(
            account=_account(credentials),
            address=request.axes_ip_address,  # type: ignore[attr-defined] # set by axes
            now=request.axes_attempt_time,  # type: ignore[attr-defined]
        )
        request.login_locked_until = until  # type: ignore[attr-defined] # ours to keep
        return until is not None

    def user_login_failed(
        self,
        sender: Any,
        credentials: dict[str, Any],
        request: Any = None,
        **kwargs: Any,
    ) -> None:
        if request is None:
            return  # not a login: a command that checks a password
        was_locked = request.axes_locked_out
        if not was_locked:
            record_failure(
                account=_account(credentials),
                address=request.axes_ip_address,
                path=request.axes_path_info,
                now=request.axes_attempt_time,
            )
            request.axes_locked_out = self.is_locked(request, credentials)
        # docs/operations.md has the pattern by which fail2ban reads this line. What the
        # client chose comes last.
        logger.warning(
            "Login failed: address=%s %s account=%s",
            client_address(request),
            "not tried" if was_locked else "wrong",
            _account_for_log(_account(credentials)),
        )

    def reset_user_attempts(
        self, request: Any, credentials: dict[str, Any] | None = None
    ) -> int:
        return forget_failures(
            account=_account(credentials), address=request.axes_ip_address
        )

    def clean_expired_user_attempts(
        self, request: Any = None, credentials: dict[str, Any] | None = None
    ) -> int:
        return 0  # `purge` does, after its term: until then the admin shows them


def _account(credentials: dict[str, Any] | None) -> str:
    return str((credentials or {}).get("username") or "")[:_LONGEST_ACCOUNT]


def _account_for_log(account: str) -> str:
    """Return the name masked, and with nothing in it that would end the line."""
    shown = "".join(one if one.isprintable() else "?" for one in account)
    return name_for_log(shown)
