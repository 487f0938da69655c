import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config import figures
from contacts.models import Contact
from contacts.tests.factories import ContactFactory
from customers.models import Customer
from messaging.models import ChatMessage, WebhookEvent
from tenants.models import Tenant, WhatsAppNumber
from tenants.tests.factories import (
    MembershipFactory,
    StaffFactory,
    TenantFactory,
    WhatsAppNumberFactory,
)
from uploads.models import FileUpload

pytestmark = pytest.mark.django_db

DASHBOARD = reverse("admin:index")


def make_contacts(tenant: Tenant) -> None:
    """Three of them: one new today, one named by digits only."""
    long_ago = timezone.now() - timedelta(days=40)
    ContactFactory.create(tenant=tenant, name="Asha Verma")
    ContactFactory.create(tenant=tenant, name="919876543210", created_at=long_ago)
    ContactFactory.create(tenant=tenant, name="A1", created_at=long_ago)


def make_message(
    number: WhatsAppNumber, *, sent_at: datetime, direction: str = "inbound"
) -> None:
    ChatMessage.objects.create(
        tenant=number.tenant,
        whatsapp_number=number,
        wamid=f"wamid.{uuid.uuid4()}",
        direction=direction,
        kind="text",
        sent_at=sent_at,
    )


def make_entries(tenant: Tenant, count: int) -> FileUpload:
    upload = FileUpload.objects.create(
        tenant=tenant,
        original_name=f"{tenant.name}.csv",
        sha256="0" * 64,
        status="completed",
        total_rows=count + 1,
        succeeded_rows=count,
        failed_rows=1,
    )
    for line in range(count):
        Customer.objects.create(
            tenant=tenant,
            upload=upload,
            row_number=line + 2,
            full_name="Asha Verma",
            primary_phone="+919876543210",
            fingerprint=uuid.uuid4().hex,
        )
    return upload


def test_the_figures_are_those_of_the_operators_sql(
    client: Client, owner: User
) -> None:
    for _ in range(2):
        make_contacts(TenantFactory.create())

    shown = client.get(DASHBOARD).context["contacts"]

    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*),
                count(*) FILTER (WHERE created_at >= date_trunc('day', now(), %s)),
                count(*) FILTER (WHERE name ~ '^[0-9]+$'),
                count(*) FILTER (WHERE name !~ '^[0-9]+$')
            FROM contacts
            """,
            [timezone.get_current_timezone_name()],
        )
        counted = cursor.fetchone()
    assert (
        shown.total.count,
        shown.today,
        shown.only_digits,
        shown.real_names,
    ) == counted
    assert counted == (6, 2, 2, 4)
    assert shown.total.exact


def test_messages_are_counted_by_the_day_and_direction_they_were_sent(
    client: Client, owner: User
) -> None:
    number = WhatsAppNumberFactory.create()
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    make_message(number, sent_at=today)
    make_message(number, sent_at=today, direction="outbound")
    make_message(number, sent_at=today - timedelta(microseconds=1))
    make_message(number, sent_at=today - timedelta(days=13))
    make_message(number, sent_at=today - timedelta(days=13, microseconds=1))

    context = client.get(DASHBOARD).context

    days = [(day["received"], day["sent"]) for day in context["chart"]["days"]]
    assert days == [(1, 0), *[(0, 0)] * 11, (1, 0), (1, 1)]
    assert context["messages_today"].day == today.date()


def test_the_webhooks_lag_is_the_age_of_its_oldest_pending_event(
    client: Client, owner: User
) -> None:
    now = timezone.now()
    for minutes, status in (
        (90, "processed"),
        (60, "parked"),
        (50, "unroutable"),
        (40, "unroutable"),
        (30, "pending"),
        (1, "pending"),
    ):
        WebhookEvent.objects.create(
            body=b"{}",
            signed_by="app",
            status=status,
            received_at=now - timedelta(minutes=minutes),
        )

    context = client.get(DASHBOARD).context

    webhook = context["webhook"]
    assert (webhook.pending, webhook.parked, webhook.unroutable) == (2, 1, 2)
    assert webhook.oldest_pending_at == now - timedelta(minutes=30)
    assert webhook.last_received_at == now - timedelta(minutes=1)
    assert context["webhook_behind"]


def test_staff_see_the_figures_of_their_own_tenants_only(
    client: Client, clerk: User
) -> None:
    ours, theirs = clerk.memberships.get().tenant, TenantFactory.create()
    for tenant, entries in ((ours, 2), (theirs, 3)):
        make_contacts(tenant)
        make_entries(tenant, entries)
        make_message(
            WhatsAppNumberFactory.create(tenant=tenant), sent_at=timezone.now()
        )
    Contact.objects.update(last_message_at=timezone.now())

    response = client.get(DASHBOARD)

    context = response.context
    assert context["contacts"].total.count == 3
    assert context["entries"].count == 2
    assert context["messages_today"].received == 1
    assert [upload.tenant for upload in context["uploads"]] == [ours]
    assert {one.tenant_id for one in context["conversations"]} == {ours.pk}
    assert "webhook" not in context  # its events belong to all tenants
    assert theirs.name not in response.content.decode()


def test_staff_of_no_tenant_see_zeros_and_whom_to_ask(client: Client) -> None:
    make_contacts(TenantFactory.create())
    nobody = StaffFactory.create()
    nobody.user_permissions.set(Permission.objects.all())
    client.force_login(nobody)

    response = client.get(DASHBOARD)

    assert response.context["contacts"].total.count == 0
    assert response.context["conversations"] == []
    assert "Ask a superuser" in response.content.decode()


def test_staff_without_permission_see_no_figure(client: Client) -> None:
    client.force_login(MembershipFactory.create().user)

    context = client.get(DASHBOARD).context

    figures_shown = {"contacts", "entries", "chart", "uploads", "webhook"}
    assert not figures_shown & set(context.keys())


def test_the_dashboard_takes_as_many_queries_for_much_as_for_little(
    client: Client, owner: User, django_assert_num_queries: Any
) -> None:
    for _ in range(8):
        number = WhatsAppNumberFactory.create()
        make_contacts(number.tenant)
        make_entries(number.tenant, 1)
        make_message(number, sent_at=timezone.now())

    # Session and user; tenants; contacts: names, time zones, today; conversations;
    # messages; entries; uploads; of events: three counts, the last, the oldest.
    with django_assert_num_queries(15):
        client.get(DASHBOARD)


def test_counting_stops_at_its_bound_and_says_so(
    client: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "BOUND", 5)
    monkeypatch.setattr(figures, "DAY_BOUND", 2)
    number = WhatsAppNumberFactory.create()
    for _ in range(3):
        make_contacts(number.tenant)
        make_message(number, sent_at=timezone.now())

    response = client.get(DASHBOARD)

    contacts = response.context["contacts"]
    assert contacts.looked_at == 5
    assert contacts.total.count >= 5
    assert not contacts.total.exact
    assert response.context["messages_today"].received == 2
    text = " ".join(response.content.decode().split())
    assert f"about {contacts.total.count}" in text
    assert "Bars end at 2 messages a day." in text


def test_the_newest_conversations_of_all_tenants_stand_first(
    client: Client, owner: User
) -> None:
    now = timezone.now()
    made = [
        ContactFactory.create(last_message_at=now - timedelta(hours=hours))
        for hours in (3, 1, 2)
    ]
    ContactFactory.create(last_message_at=None)

    shown = client.get(DASHBOARD).context["conversations"]

    assert shown == [made[1], made[2], made[0]]


def test_the_chart_and_figures_survive_an_empty_database(
    client: Client, owner: User
) -> None:
    response = client.get(DASHBOARD)

    assert response.status_code == 200
    assert "never called yet" in response.content.decode()
