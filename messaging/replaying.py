"""Which events to process again, and putting them back in the queue."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from messaging.events import put_back
from messaging.models import WebhookEvent
from tenants.models import WhatsAppNumber

_BATCH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Events that fulfil all that is given here; nothing given means all of them."""

    ids: Collection[int] = ()
    received_since: datetime | None = None
    received_until: datetime | None = None
    statuses: Collection[str] = ()
    phone_number_id: str = ""
    tenant_id: int | None = None

    @property
    def is_everything(self) -> bool:
        return self == Selection()

    def events(self) -> QuerySet[WebhookEvent]:
        """Return the events, oldest first, without their bodies."""
        events = WebhookEvent.objects.defer("body").order_by("id")
        if self.ids:
            events = events.filter(pk__in=self.ids)
        if self.received_since:
            events = events.filter(received_at__gte=self.received_since)
        if self.received_until:
            events = events.filter(received_at__lt=self.received_until)
        if self.statuses:
            events = events.filter(status__in=self.statuses)
        if self.phone_number_id:
            events = _naming(events, [self.phone_number_id])
        if self.tenant_id is not None:
            numbers = WhatsAppNumber.objects.filter(tenant_id=self.tenant_id)
            events = _naming(events, numbers.values_list("phone_number_id", flat=True))
        return events


def _naming(
    events: QuerySet[WebhookEvent], phone_number_ids: Iterable[str]
) -> QuerySet[WebhookEvent]:
    """Narrow to the events whose body names one of the numbers.

    Bodies are bytes and may be anything, so they are searched as bytes: slower than a
    column, and true also for events that made no row.
    """
    named = Q(pk__in=[])
    for phone_number_id in phone_number_ids:
        named |= Q(
            RawSQL(
                "position(%s::bytea IN body) > 0",
                [f'"{phone_number_id}"'.encode()],
                output_field=BooleanField(),
            )
        )
    return events.filter(named)


def replay(events: QuerySet[WebhookEvent], *, now: datetime) -> Iterator[int]:
    """Put the events back, the oldest first, and yield how many were, batch by batch.

    Which they are is decided at the start: an event that is processed meanwhile is not
    taken twice.
    """
    ids = list(events.values_list("pk", flat=True))
    for start in range(0, len(ids), _BATCH):
        batch = WebhookEvent.objects.filter(pk__in=ids[start : start + _BATCH])
        yield put_back(batch, now=now)
