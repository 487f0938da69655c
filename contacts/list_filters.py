"""The questions that operators ask the list of contacts."""

from datetime import timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import F, QuerySet
from django.utils import timezone

from contacts.models import Contact

Contacts = QuerySet[Contact]


class CreatedFilter(SimpleListFilter):
    title = "created"
    parameter_name = "created"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("hour", "in the last hour"),
            ("today", "today"),
            ("week", "in the last 7 days"),
            ("month", "in the last 30 days"),
        ]

    def queryset(self, request: Any, rows: Contacts) -> Contacts:
        now = timezone.localtime()
        since = {
            "hour": now - timedelta(hours=1),
            "today": now.replace(hour=0, minute=0, second=0, microsecond=0),
            "week": now - timedelta(days=7),
            "month": now - timedelta(days=30),
        }.get(self.value() or "")
        return rows.filter(created_at__gte=since) if since else rows


class TouchedFilter(SimpleListFilter):
    title = "touched again"
    parameter_name = "touched"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "changed after its first minute")]

    def queryset(self, request: Any, rows: Contacts) -> Contacts:
        if self.value() != "yes":
            return rows
        return rows.filter(updated_at__gt=F("created_at") + timedelta(minutes=1))


class NameFilter(SimpleListFilter):
    title = "name"
    parameter_name = "named"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [("real", "a real name"), ("digits", "only digits")]

    def queryset(self, request: Any, rows: Contacts) -> Contacts:
        if self.value() == "digits":
            return rows.filter(name__regex=r"^[0-9]+$")
        if self.value() == "real":
            return rows.exclude(name__regex=r"^[0-9]+$")
        return rows


class PhoneFilter(SimpleListFilter):
    title = "phone number"
    parameter_name = "phone"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [("known", "known"), ("withheld", "withheld by WhatsApp")]

    def queryset(self, request: Any, rows: Contacts) -> Contacts:
        if self.value() in ("known", "withheld"):
            return rows.filter(phone_number__isnull=self.value() == "withheld")
        return rows


class MarketingFilter(SimpleListFilter):
    title = "marketing messages"
    parameter_name = "marketing"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [("stop", "stopped by them"), ("open", "not stopped")]

    def queryset(self, request: Any, rows: Contacts) -> Contacts:
        if self.value() == "stop":
            return rows.filter(marketing_preference=Contact.Marketing.STOP)
        if self.value() == "open":
            return rows.exclude(marketing_preference=Contact.Marketing.STOP)
        return rows
