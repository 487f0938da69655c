"""Who logged in and who failed to, for superusers; the way back for who is locked."""

from datetime import datetime
from typing import Any

from axes.models import AccessAttempt, AccessLog
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display

from config.logins.limits import WINDOW
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
    list_display = [*readonly_fields, "counts_until"]
    actions = ["unlock"]

    def has_unlock_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    @display(description="counts until")
    def counts_until(self, attempt: AccessAttempt) -> datetime | None:
        until: datetime = attempt.attempt_time + WINDOW
        return until if until > timezone.now() else None

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
