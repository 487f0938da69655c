"""Figures about a tenant's contacts, exact: every row is counted.

What the dashboard shows of them comes from the same queries, there with a bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count, F, Q

from config.figures import count_contacts
from contacts.models import Contact
from tenants.models import Tenant

TOUCHED_AFTER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day of the tenant's time zone."""

    day: date
    new_contacts: int
    messages_in: int
    messages_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactStatistics:
    """How a tenant's contacts stand; `by_source` says where names come from."""

    tenant: str
    tenant_id: int
    total: int
    today: int
    created_last_hour: int
    touched_again: int
    only_digits: int
    real_names: int
    without_phone: int
    by_source: dict[str, int]
    came_by_ad: int
    active_24h: int
    active_7d: int
    active_30d: int
    messages_in: int
    messages_out: int
    days: Sequence[Day]


def count(*, tenant: Tenant, days: int, now: datetime) -> ContactStatistics:
    """Count a tenant's contacts and messages, and those of its last `days` days."""
    figures = count_contacts(tenant_ids=[tenant.pk], now=now, bounded=False)
    contacts = Contact.objects.filter(tenant=tenant).order_by()
    seen = contacts.aggregate(
        created_last_hour=Count("pk", Q(created_at__gt=now - timedelta(hours=1))),
        touched_again=Count("pk", Q(updated_at__gt=F("created_at") + TOUCHED_AFTER)),
        without_phone=Count("pk", Q(phone_number=None)),
        active_24h=Count("pk", Q(last_message_at__gt=now - timedelta(hours=24))),
        active_7d=Count("pk", Q(last_message_at__gt=now - timedelta(days=7))),
        active_30d=Count("pk", Q(last_message_at__gt=now - timedelta(days=30))),
    )
    sources = dict(contacts.values_list("name_source").annotate(Count("pk")))
    messages_in, messages_out = _messages(tenant)
    return ContactStatistics(
        tenant=tenant.slug,
        tenant_id=tenant.pk,
        total=figures.total.count,
        today=figures.today,
        only_digits=figures.only_digits,
        real_names=figures.real_names,
        by_source={
            source.value or "unknown": sources.get(source.value, 0)
            for source in Contact.NameSource
        },
        came_by_ad=_came_by_ad(tenant),
        messages_in=messages_in,
        messages_out=messages_out,
        days=_days(tenant, days, now),
        **seen,
    )


def _messages(tenant: Tenant) -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FILTER (WHERE direction = 'inbound'),
                count(*) FILTER (WHERE direction = 'outbound')
            FROM chat_messages WHERE tenant_id = %s
            """,
            [tenant.pk],
        )
        received, sent = cursor.fetchone()
        return int(received), int(sent)


def _came_by_ad(tenant: Tenant) -> int:
    """Count whose first message carries the ad that they clicked on."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(DISTINCT contacts.id)
            FROM contacts JOIN chat_messages
                ON chat_messages.contact_id = contacts.id
                AND chat_messages.sent_at = contacts.first_message_at
            WHERE contacts.tenant_id = %s AND chat_messages.payload ? 'referral'
            """,
            [tenant.pk],
        )
        return int(cursor.fetchone()[0])


def _days(tenant: Tenant, days: int, now: datetime) -> list[Day]:
    today = now.astimezone(ZoneInfo(tenant.timezone)).date()
    first = today - timedelta(days=days - 1)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH days AS (
                SELECT day::date FROM generate_series(
                    %(first)s::date, %(today)s::date, interval '1 day'
                ) AS day
            ), made AS (
                SELECT (created_at AT TIME ZONE %(zone)s)::date AS day, count(*)
                FROM contacts
                WHERE tenant_id = %(tenant)s
                    AND created_at >= %(first)s::timestamp AT TIME ZONE %(zone)s
                GROUP BY 1
            ), written AS (
                SELECT (sent_at AT TIME ZONE %(zone)s)::date AS day,
                    count(*) FILTER (WHERE direction = 'inbound') AS received,
                    count(*) FILTER (WHERE direction = 'outbound') AS sent
                FROM chat_messages
                WHERE tenant_id = %(tenant)s
                    AND sent_at >= %(first)s::timestamp AT TIME ZONE %(zone)s
                GROUP BY 1
            )
            SELECT day, COALESCE(made.count, 0), COALESCE(received, 0),
                COALESCE(sent, 0)
            FROM days LEFT JOIN made USING (day) LEFT JOIN written USING (day)
            ORDER BY day
            """,
            {
                "first": first,
                "today": today,
                "zone": tenant.timezone,
                "tenant": tenant.pk,
            },
        )
        return [
            Day(day=day, new_contacts=made, messages_in=received, messages_out=sent)
            for day, made, received, sent in cursor.fetchall()
        ]
