"""What the lists of messages, statuses and events can be narrowed to."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.utils import timezone

from messaging.rows import STATUS_ORDER
from messaging.whatsapp.content import KINDS


class SpanFilter(SimpleListFilter):
    """Rows of the last hour, day, week or month."""

    column: str

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("hour", "in the last hour"),
            ("day", "in the last 24 hours"),
            ("week", "in the last 7 days"),
            ("month", "in the last 30 days"),
        ]

    def queryset(self, request: Any, rows: QuerySet[Any]) -> QuerySet[Any]:
        span = {
            "hour": timedelta(hours=1),
            "day": timedelta(days=1),
            "week": timedelta(days=7),
            "month": timedelta(days=30),
        }.get(self.value() or "")
        if span is None:
            return rows
        return rows.filter(**{f"{self.column}__gte": timezone.now() - span})


class ReceivedFilter(SpanFilter):
    title = "received"
    parameter_name = "received"
    column = "received_at"


class SentFilter(SpanFilter):
    title = "sent"
    parameter_name = "sent"
    column = "sent_at"


class ValueFilter(SimpleListFilter):
    """One of a known set of values; Django's own would read the table to learn them."""

    values: Sequence[str]

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, value.replace("_", " ")) for value in self.values]

    def queryset(self, request: Any, rows: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return rows.filter(**{str(self.parameter_name): value}) if value else rows


class KindFilter(ValueFilter):
    title = "kind"
    parameter_name = "kind"
    values = sorted(KINDS | {"unknown"})


class StatusFilter(ValueFilter):
    title = "status"
    parameter_name = "status"
    values = STATUS_ORDER
