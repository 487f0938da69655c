"""`contact_stats`, proven by the operators' own queries."""

import json
from datetime import datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from config import figures
from config.contact_statistics import count
from contacts.models import Contact
from contacts.tests.factories import ContactFactory
from messaging.tests.factories import ChatMessageFactory
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory

pytestmark = pytest.mark.django_db

# In Kolkata it is the 23rd already.
LATE = datetime(2026, 11, 22, 19, tzinfo=ZoneInfo("UTC"))


@pytest.fixture
def tenant() -> Tenant:
    return TenantFactory.create(slug="lender")


def run(*arguments: str) -> str:
    answer = StringIO()
    call_command("contact_stats", *arguments, stdout=answer)
    return answer.getvalue()


def one(statement: str, *parameters: object) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.fetchone()[0])


def make_people(tenant: Tenant, now: datetime) -> None:
    """Five people: one new, one touched again, one by digits, one hidden, one old."""
    for name, source, phone, age, silent in (
        ("Asha", "profile", "919800000001", timedelta(minutes=5), 0),
        ("Ravi", "staff", "919800000002", timedelta(days=3), 2),
        ("919800000003", "phone", "919800000003", timedelta(days=9), 6),
        ("the.handle", "username", None, timedelta(days=40), 29),
        ("Old", "", "919800000005", timedelta(days=400), 300),
    ):
        contact = ContactFactory.create(
            tenant=tenant,
            name=name,
            name_source=source,
            phone_number=phone,
            created_at=now - age,
            updated_at=now if source == "staff" else now - age,
            first_message_at=now - age,
            last_message_at=now - timedelta(days=silent, minutes=5),
        )
        ChatMessageFactory.create(
            contact=contact,
            sent_at=contact.first_message_at,
            payload={"referral": {"source_type": "ad"}} if name == "Asha" else {},
        )
        ChatMessageFactory.create(
            contact=contact, sent_at=contact.last_message_at, direction="outbound"
        )


def test_every_figure_is_that_of_a_recount(tenant: Tenant) -> None:
    now = timezone.now()
    make_people(tenant, now)
    ContactFactory.create()  # a stranger's

    (found,) = json.loads(run("--json", "--tenant", "lender"))["tenants"]

    of_tenant = "SELECT count(*) FROM contacts WHERE tenant_id = %s"
    assert found["total"] == one(of_tenant, tenant.pk) == 5
    assert found["only_digits"] == 1
    assert found["only_digits"] == one(f"{of_tenant} AND name ~ '^[0-9]+$'", tenant.pk)
    assert found["real_names"] == one(f"{of_tenant} AND name !~ '^[0-9]+$'", tenant.pk)
    assert found["created_last_hour"] == 1
    assert found["touched_again"] == one(
        f"{of_tenant} AND updated_at > created_at + interval '1 minute'", tenant.pk
    )
    assert (found["touched_again"], found["without_phone"]) == (1, 1)
    assert found["came_by_ad"] == 1
    assert [found[f"active_{span}"] for span in ("24h", "7d", "30d")] == [1, 3, 4]
    assert (found["messages_in"], found["messages_out"]) == (5, 5)
    assert found["by_source"] == {
        "staff": 1,
        "address_book": 0,
        "profile": 1,
        "username": 1,
        "phone": 1,
        "unknown": 1,
    }


def test_a_day_is_the_tenants(tenant: Tenant) -> None:
    midnight = datetime(2026, 11, 23, tzinfo=ZoneInfo(tenant.timezone))
    for offset in (-1, 0, 1):
        contact = ContactFactory.create(
            tenant=tenant, created_at=midnight + timedelta(minutes=offset)
        )
        ChatMessageFactory.create(contact=contact, sent_at=contact.created_at)

    found = count(tenant=tenant, days=2, now=LATE)

    assert found.today == 2
    assert [
        (str(day.day), day.new_contacts, day.messages_in) for day in found.days
    ] == [
        ("2026-11-22", 1, 1),
        ("2026-11-23", 2, 2),
    ]


def test_the_dashboard_counts_the_same(tenant: Tenant) -> None:
    now = timezone.now()
    make_people(tenant, now)

    statistics = count(tenant=tenant, days=1, now=now)
    shown = figures.count_contacts(tenant_ids=[tenant.pk], now=now)

    assert (shown.total.count, shown.today, shown.only_digits, shown.real_names) == (
        statistics.total,
        statistics.today,
        statistics.only_digits,
        statistics.real_names,
    )


def test_people_read_a_table(tenant: Tenant) -> None:
    make_people(tenant, timezone.now())
    before = list(Contact.objects.order_by("pk").values())

    lines = [line.split() for line in run("--tenant", "lender").splitlines()]

    assert ["contacts", "5"] in lines
    assert ["with", "a", "real", "name", "4"] in lines
    assert list(Contact.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("days", ["0", "-1", "9999"])
def test_a_senseless_number_of_days_is_refused(tenant: Tenant, days: str) -> None:
    with pytest.raises(CommandError, match="--days"):
        run("--days", days)
