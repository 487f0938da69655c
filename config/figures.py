"""The dashboard's figures: one query each, bounded however large the tables are.

Every function is given the tenants; whoever may see which is decided by its caller.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count, Model, Q, QuerySet
from django.utils import timezone

from contacts.models import Contact
from customers.models import Customer
from messaging.models import WebhookEvent
from tenants.models import Tenant
from uploads.models import FileUpload

# Counting stops here: as many rows are read in some 30 ms, and a dashboard is opened
# all day. Beyond it the total is PostgreSQL's own estimate.
BOUND = 50_000
# Of one day's messages, for each bar of the chart.
DAY_BOUND = 5_000
DAYS = 14
ONLY_DIGITS = r"^[0-9]+$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """A count, or beyond `BOUND` an estimate of it."""

    count: int
    exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactFigures:
    """Names are counted among `looked_at` contacts: all of them, up to `BOUND`."""

    total: Total
    today: int
    looked_at: int
    only_digits: int

    @property
    def real_names(self) -> int:
        return self.looked_at - self.only_digits


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfMessages:
    """A day of the product's time zone; counting stops at `DAY_BOUND` messages."""

    day: date
    received: int
    sent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookFigures:
    """How the queue of events stands. The counts stop at `BOUND`."""

    last_received_at: datetime | None
    oldest_pending_at: datetime | None
    pending: int
    parked: int
    unroutable: int


def count_contacts(
    *, tenant_ids: Sequence[int], now: datetime, bounded: bool = True
) -> ContactFigures:
    """Count contacts, today's by each tenant's own day; `bounded` up to `BOUND`."""
    bound = BOUND if bounded else None
    contacts = Contact.objects.filter(tenant_id__in=tenant_ids).order_by()
    seen = contacts.values("name")[:bound].aggregate(
        looked_at=Count("name"), only_digits=Count("name", Q(name__regex=ONLY_DIGITS))
    )
    today = contacts.filter(_since_midnight(tenant_ids, now))[:bound].count()
    counted = seen["looked_at"]
    return ContactFigures(
        total=Total(count=counted) if bound is None else _total(contacts, counted),
        today=today,
        looked_at=counted,
        only_digits=seen["only_digits"],
    )


def _since_midnight(tenant_ids: Sequence[int], now: datetime) -> Q:
    """Say "made today" of contacts; one condition for each time zone there is."""
    zones: dict[str, list[int]] = {}
    tenants = Tenant.objects.filter(pk__in=tenant_ids).order_by()
    for tenant_id, zone in tenants.values_list("pk", "timezone"):
        zones.setdefault(zone, []).append(tenant_id)
    made_today = Q(pk__in=[])
    for zone, ids in zones.items():
        midnight = start_of_day(now, ZoneInfo(zone))
        made_today |= Q(tenant_id__in=ids, created_at__gte=midnight)
    return made_today


def count_entries(*, tenant_ids: Sequence[int]) -> Total:
    """Count loan entries, beyond `BOUND` by PostgreSQL's estimate."""
    entries = Customer.objects.filter(tenant_id__in=tenant_ids)
    return _total(entries, entries[:BOUND].count())


def count_messages(*, tenant_ids: Sequence[int], now: datetime) -> list[DayOfMessages]:
    """Return the messages of the last `DAYS` days, today last, up to `DAY_BOUND` each.

    A day is a day of the product's time zone.
    """
    today = timezone.localtime(now).date()
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    zone = timezone.get_current_timezone_name()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT days.day,
                count(*) FILTER (WHERE message.direction = 'inbound'),
                count(*) FILTER (WHERE message.direction = 'outbound')
            FROM unnest(%s::date[]) AS days (day)
            LEFT JOIN LATERAL (
                SELECT direction FROM chat_messages
                WHERE tenant_id = ANY(%s)
                    AND sent_at >= days.day::timestamp AT TIME ZONE %s
                    AND sent_at < (days.day + 1)::timestamp AT TIME ZONE %s
                LIMIT %s
            ) AS message ON true
            GROUP BY days.day ORDER BY days.day
            """,
            [days, list(tenant_ids), zone, zone, DAY_BOUND],
        )
        return [
            DayOfMessages(day=day, received=received, sent=sent)
            for day, received, sent in cursor.fetchall()
        ]


def latest_conversations(*, tenant_ids: Sequence[int], most: int) -> "list[Contact]":
    """Return the contacts who were heard from last, newest first.

    Each tenant's newest by its own index; one ORDER BY over several tenants would sort
    all their contacts.
    """
    return list(
        Contact.objects.raw(
            """
            SELECT newest.* FROM unnest(%s::bigint[]) AS tenant (id)
            CROSS JOIN LATERAL (
                SELECT * FROM contacts
                WHERE contacts.tenant_id = tenant.id AND last_message_at IS NOT NULL
                ORDER BY last_message_at DESC NULLS LAST, id DESC LIMIT %s
            ) AS newest
            ORDER BY newest.last_message_at DESC LIMIT %s
            """,
            [list(tenant_ids), most, most],
        )
    )


def latest_uploads(*, tenant_ids: Sequence[int], most: int) -> list[FileUpload]:
    """Return the tenants' newest uploads, the newest first."""
    return list(
        FileUpload.objects.filter(tenant_id__in=tenant_ids)
        .select_related("tenant", "uploaded_by")
        .order_by("-id")[:most]
    )


def look_at_webhook() -> WebhookFigures:
    """Look at the queue of all tenants: an event belongs to none until it is read."""
    states = WebhookEvent.Status
    events = WebhookEvent.objects.order_by()
    in_status = {
        status: events.filter(status=status)[:BOUND].count()
        for status in (states.PENDING, states.PARKED, states.UNROUTABLE)
    }
    times = events.values_list("received_at", flat=True)
    return WebhookFigures(
        last_received_at=times.order_by("-received_at").first(),
        oldest_pending_at=times.filter(status=states.PENDING).order_by("id").first(),
        pending=in_status[states.PENDING],
        parked=in_status[states.PARKED],
        unroutable=in_status[states.UNROUTABLE],
    )


def start_of_day(now: datetime, zone: tzinfo | None = None) -> datetime:
    """Return the midnight before `now`, in a zone or else the product's."""
    local = timezone.localtime(now, zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


def _total(rows: "QuerySet[Model]", counted: int) -> Total:
    """Return the exact count while it is below the bound, then an estimate."""
    if counted < BOUND:
        return Total(count=counted)
    plan = rows.explain(format="json")
    return Total(count=max(counted, _planned_rows(plan)), exact=False)


def _planned_rows(plan: str) -> int:
    return int(json.loads(plan)[0]["Plan"]["Plan Rows"])
