from datetime import UTC, datetime, timedelta

import pytest

from contacts.models import Contact, ContactIdentity
from contacts.tests.factories import ContactFactory
from tenants.models import Tenant
from tenants.tests.programs import program_of

pytestmark = pytest.mark.django_db

CONTACTS = "/api/v1/contacts/"
MORNING = datetime(2026, 11, 22, 9, tzinfo=UTC)


def names(tenant: Tenant, **query: str) -> list[str]:
    answer = program_of(tenant).get(CONTACTS, query)
    assert answer.status_code == 200, answer.content
    return [one["name"] for one in answer.json()["results"]]


def test_a_contact_is_told_with_what_staff_see(tenant: Tenant) -> None:
    contact = ContactFactory.create(
        tenant=tenant,
        phone_number="919876543210",
        name="Ravi Kumar",
        name_source="staff",
        email="ravi@example.in",
        message_count=3,
        last_message_at=MORNING,
    )

    answer = program_of(tenant).get(f"{CONTACTS}{contact.pk}/").json()

    assert answer["id"] == contact.pk
    assert (answer["phone_number"], answer["name"]) == ("919876543210", "Ravi Kumar")
    assert (answer["email"], answer["message_count"]) == ("ravi@example.in", 3)
    assert datetime.fromisoformat(answer["last_message_at"]) == MORNING
    assert "tenant" not in answer


def test_the_newest_contact_comes_first(tenant: Tenant) -> None:
    for name, day in (("old", 1), ("new", 3), ("middle", 2)):
        ContactFactory.create(
            tenant=tenant, name=name, created_at=MORNING + timedelta(days=day)
        )

    assert names(tenant) == ["new", "middle", "old"]


def test_those_made_in_one_moment_come_once_each(tenant: Tenant) -> None:
    ContactFactory.create_batch(5, tenant=tenant, created_at=MORNING)
    program = program_of(tenant)
    seen, address = [], f"{CONTACTS}?limit=2"

    while address:
        page = program.get(address).json()
        seen += [one["id"] for one in page["results"]]
        address = page["next"]

    assert seen == sorted(Contact.objects.values_list("pk", flat=True), reverse=True)


@pytest.mark.parametrize(
    "written",
    ["919876543210", "+91 98765-43210", "09876543210", "98765 43210", "९८७६५४३२१०"],
)
def test_a_number_is_found_however_it_is_written(tenant: Tenant, written: str) -> None:
    ContactFactory.create(tenant=tenant, phone_number="919876543210", name="Ravi")
    ContactFactory.create(tenant=tenant, name="Asha")

    assert names(tenant, phone=written) == ["Ravi"]


@pytest.mark.parametrize(
    ("shown", "written"),
    [
        ("551187654321", "+55 11 98765-4321"),
        ("5511987654321", "551187654321"),
        ("5215512345678", "+525512345678"),
    ],
)
def test_a_number_is_found_in_whatsapps_other_spelling(
    tenant: Tenant, shown: str, written: str
) -> None:
    ContactFactory.create(tenant=tenant, phone_number=shown, name="Ana")

    assert names(tenant, phone=written) == ["Ana"]


def test_a_number_somebody_had_finds_them(tenant: Tenant) -> None:
    ravi = ContactFactory.create(tenant=tenant, name="Ravi")
    ContactIdentity.objects.create(
        tenant=tenant, contact=ravi, kind="phone", value="919811111111"
    )

    assert names(tenant, phone="9811111111") == ["Ravi"]


def test_a_number_somebody_had_is_found_in_either_spelling(tenant: Tenant) -> None:
    ana = ContactFactory.create(tenant=tenant, name="Ana")
    ContactIdentity.objects.create(
        tenant=tenant, contact=ana, kind="phone", value="5511987654321"
    )

    assert names(tenant, phone="551187654321") == ["Ana"]


def test_a_strangers_number_finds_nobody(tenant: Tenant) -> None:
    theirs = ContactFactory.create(phone_number="919876543210")
    ContactIdentity.objects.create(
        tenant=theirs.tenant, contact=theirs, kind="phone", value="919811111111"
    )

    assert names(tenant, phone="9876543210") == names(tenant, phone="9811111111") == []


@pytest.mark.parametrize("written", ["ravi", "12", "\0", "9876543210/9876543211"])
def test_what_is_no_number_is_refused_in_a_sentence(
    tenant: Tenant, written: str
) -> None:
    answer = program_of(tenant).get(CONTACTS, {"phone": written})

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("phone: ")


@pytest.mark.parametrize(
    "since",
    ["2026-11-22T09:00:00Z", "2026-11-22T14:30:00%2B05:30", "2026-11-22T14:30:00+0530"],
)
def test_who_changed_since_a_moment_is_told(tenant: Tenant, since: str) -> None:
    for name, minutes in (("before", -1), ("then", 0), ("after", 1)):
        ContactFactory.create(
            tenant=tenant, name=name, updated_at=MORNING + timedelta(minutes=minutes)
        )

    # As it is typed: a plus arrives as a space.
    answer = program_of(tenant).get(f"{CONTACTS}?updated_since={since}").json()

    assert {one["name"] for one in answer["results"]} == {"then", "after"}


@pytest.mark.parametrize(
    "since",
    [
        "yesterday", "2026-11-22", "2026-11-22T09:00:00", "2026-13-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "\0", "9" * 5000,
        "2026-11-22T09:00:00+99:99",
    ],
)  # fmt: skip
def test_a_moment_that_is_none_is_refused_in_a_sentence(
    tenant: Tenant, since: str
) -> None:
    answer = program_of(tenant).get(CONTACTS, {"updated_since": since})

    assert answer.status_code == 400
    assert answer.json() == {
        "detail": "updated_since: write it as 2026-11-22T09:00:00Z."
    }
