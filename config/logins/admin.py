"""Who logged in and who failed to, for superusers; the way back for who is locked."""

from datetime import datetime
from typing import Any

from axes.models import AccessAttempt, AccessLog
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display

from config.logins.limits import PAIR_LIMIT, WINDOW
from tenants.scoped_admin import BoundedAdmin, SuperuserOnly, is_superuser


class LoginRecordAdmin(SuperuserOnly, BoundedAdmin):
    """Nothing is added or changed: it happened."""

    search_fields = ["username__startswith", "ip_address"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AccessAttempt)
class AccessAttemptAdmin(LoginRecordAdmin):
    readonly_fields = ["username", "ip_address", "failures_since_start", "attempt_time"]
    fields = [*readonly_fields]
    list_display = ["account", "address", "failed", "last_tried_at", "state"]
    actions = ["unlock"]

    def has_unlock_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    @display(description="account", ordering="username")
    def account(self, attempt: AccessAttempt) -> str:
        return str(attempt.username)

    @display(description="address", ordering="ip_address")
    def address(self, attempt: AccessAttempt) -> str:
        return str(attempt.ip_address)

    @display(description="failed", ordering="failures_since_start")
    def failed(self, attempt: AccessAttempt) -> int:
        return int(attempt.failures_since_start)

    @display(description="last tried", ordering="attempt_time")
    def last_tried_at(self, attempt: AccessAttempt) -> datetime:
        tried_at: datetime = attempt.attempt_time
        return tried_at

    @display(
        description="state",
        label={"locked": "danger", "counted": "warning", "over": "default"},
    )
    def state(self, attempt: AccessAttempt) -> str | tuple[str, str]:
        """Say how the pair stands; its account or address may be locked besides."""
        until = attempt.attempt_time + WINDOW
        if until <= timezone.now():
            return "over"
        if attempt.failures_since_start < PAIR_LIMIT:
            return "counted"
        return "locked", f"locked until {timezone.localtime(until):%H:%M}"

    @admin.action(
        description="Unlock: forget these failed logins", permissions=["unlock"]
    )
    def unlock(self, request: HttpRequest, attempts: QuerySet[Any]) -> None:
        count, _ = attempts.delete()
        messages.success(request, f"Forgotten: {count}. They may try again at once.")


@admin.register(AccessLog)
class AccessLogAdmin(LoginRecordAdmin):
    list_display = ["username", "ip_address", "attempt_time", "logout_time"]
    fields = ["username", "ip_address", "attempt_time", "logout_time", "user_agent"]
    readonly_fields = fields
