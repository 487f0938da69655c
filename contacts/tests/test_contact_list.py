"""The list of contacts, as operators ask it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from contacts.tests.factories import ContactFactory
from contacts.tests.pages import LIST

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ("created=hour", {"new"}),
        ("created=week", {"new", "touched"}),
        ("touched=yes", {"touched"}),
        ("named=digits", {"new"}),
        ("named=real", {"touched", "old"}),
        ("phone=withheld", {"old"}),
        ("phone=known", {"new", "touched"}),
        ("marketing=stop", {"old"}),
        ("marketing=open", {"new", "touched"}),
        ("q=lakshmi", {"old"}),
        ("q=3210", {"new"}),
    ],
)
def test_the_list_answers_the_operators_questions(
    client: Client, clerk: User, query: str, listed: set[str]
) -> None:
    now = timezone.now()
    tenant = clerk.memberships.get().tenant
    people: dict[str, dict[str, str | int | None]] = {
        "new": {"name": "919876543210", "phone_number": "919876543210", "age": 0},
        "touched": {"name": "Ravi", "phone_number": "919000000000", "age": 2},
        "old": {"name": "Lakshmi", "phone_number": None, "age": 60}
        | {"marketing_preference": "stop"},
    }
    ids = {}
    for who, facts in people.items():
        created = now - timedelta(days=int(facts.pop("age") or 0))
        one = ContactFactory.create(
            tenant=tenant,
            **facts,
            created_at=created,
            updated_at=now if who == "touched" else created,
        )
        ids[who] = one.pk

    response = client.get(f"{LIST}?{query}")

    shown = {row.pk for row in response.context["cl"].result_list}
    assert shown == {ids[who] for who in listed}


def test_a_full_list_takes_as_many_queries_as_a_short_one(
    client: Client, clerk: User, django_assert_num_queries
) -> None:
    tenant = clerk.memberships.get().tenant
    ContactFactory.create_batch(26, tenant=tenant)

    # session, user, two of permissions, several tenants, which, count, rows
    with django_assert_num_queries(8):
        response = client.get(LIST)

    assert len(response.context["cl"].result_list) == 25


def test_only_a_narrowed_list_offers_to_show_all(client: Client, clerk: User) -> None:
    ContactFactory.create(tenant=clerk.memberships.get().tenant, name="Asha")

    whole, searched = client.get(LIST), client.get(LIST, {"q": "asha"})

    assert "Show all" not in whole.content.decode()
    assert "Show all" in searched.content.decode()


def test_contacts_with_the_newest_message_stand_first(
    client: Client, clerk: User
) -> None:
    tenant = clerk.memberships.get().tenant
    silent = ContactFactory.create(tenant=tenant)
    times = [datetime(2026, 11, day, tzinfo=UTC) for day in (1, 9, 5)]
    first, newest, middle = (
        ContactFactory.create(tenant=tenant, last_message_at=at) for at in times
    )

    rows = client.get(LIST).context["cl"].result_list

    assert list(rows) == [newest, middle, first, silent]
