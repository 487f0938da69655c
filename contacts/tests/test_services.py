"""Who is who: numbers and user ids become contacts, in any order, once."""

import itertools
import logging
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from contacts.models import Contact, ContactIdentity, ContactMerge
from contacts.services import (
    Activity,
    IdentityChange,
)
from contacts.tests.factories import ContactFactory
from contacts.tests.senders import ASHA, IMRAN, NOW, WABA, at, people, upsert
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory


def test_a_new_sender_becomes_a_contact_with_its_profile_name(tenant: Tenant) -> None:
    upsert(tenant, at(0, phone=ASHA, user_id="IN.77", profile_name=" Asha  Verma "))

    contact = Contact.objects.get()
    assert (contact.phone_number, contact.name, contact.name_source) == (
        ASHA,
        "Asha Verma",
        "profile",
    )
    assert people(tenant) == {(ASHA, "Asha Verma", frozenset({ASHA, "IN.77"}))}


def test_the_same_sender_again_changes_nothing(tenant: Tenant) -> None:
    first = upsert(tenant, at(0, phone=ASHA, user_id="IN.77", profile_name="Asha"))
    before = Contact.objects.values().get()

    again = upsert(tenant, at(0, phone=ASHA, user_id="IN.77", profile_name="Asha"))

    assert again == first
    assert Contact.objects.values().get() == before


ORDERS = {
    "halves that meet": [
        at(0, phone=ASHA, profile_name="Asha"),
        at(1, user_id="IN.77", username="asha.v"),
        at(2, phone=ASHA, user_id="IN.77"),
    ],
    "a user id that stops showing its number": [
        at(0, phone=ASHA, user_id="IN.77", profile_name="Asha"),
        at(1, user_id="IN.77", profile_name="Asha V"),
    ],
    "a recycled number": [
        at(0, phone=ASHA, user_id="IN.77", profile_name="Asha"),
        at(1, phone=ASHA, user_id="IN.77", profile_name="Asha V"),
        at(2, phone=ASHA, user_id="IN.99", profile_name="Pooja"),
        at(3, user_id="IN.77", profile_name="Asha W"),
    ],
    "Brazil's ninth digit": [
        at(0, phone="551181234567", profile_name="Bia"),
        at(1, phone="5511981234567", profile_name="Bia S"),
    ],
    "Mexico's and Argentina's prefixes": [
        at(0, phone="5215512345678", profile_name="Luz"),
        at(1, phone="525512345678", profile_name="Luz"),
        at(2, phone="5491112345678", profile_name="Eva"),
        at(3, phone="541112345678", profile_name="Eva"),
    ],
    "one person on two portfolios": [
        at(0, phone=ASHA, user_id="IN.77", waba_id="1", profile_name="Asha"),
        at(1, phone=ASHA, user_id="IN.88", waba_id="2", profile_name="Asha"),
        at(2, user_id="IN.88", waba_id="2"),
    ],
    "names at the same second": [
        at(0, phone=ASHA, profile_name="Asha"),
        at(0, phone=ASHA, profile_name="Asha Verma"),
        at(0, phone=ASHA, profile_name=""),
    ],
}
ENDS: dict[str, set[tuple[str | None, str, frozenset[str]]]] = {
    "halves that meet": {(ASHA, "Asha", frozenset({ASHA, "IN.77"}))},
    "a user id that stops showing its number": {
        (ASHA, "Asha V", frozenset({ASHA, "IN.77"}))
    },
    "a recycled number": {
        (None, "Asha W", frozenset({"IN.77"})),
        (ASHA, "Pooja", frozenset({ASHA, "IN.99"})),
    },
    "Brazil's ninth digit": {("5511981234567", "Bia S", frozenset({"5511981234567"}))},
    "Mexico's and Argentina's prefixes": {
        ("5215512345678", "Luz", frozenset({"525512345678"})),
        ("5491112345678", "Eva", frozenset({"541112345678"})),
    },
    "one person on two portfolios": {
        (ASHA, "Asha", frozenset({ASHA, "IN.77", "IN.88"}))
    },
    "names at the same second": {(ASHA, "Asha Verma", frozenset({ASHA}))},
}


@pytest.mark.parametrize("case", ORDERS)
def test_any_order_and_grouping_ends_in_the_same_people(
    case: str, tenant: Tenant
) -> None:
    for order in itertools.permutations(ORDERS[case]):
        for size in {1, 2, len(order)}:
            Contact.objects.all().delete()
            for start in range(0, len(order), size):
                upsert(tenant, *order[start : start + size])

            assert people(tenant) == ENDS[case], (order, size)


def test_halves_that_meet_keep_the_older_contact_and_record_it(tenant: Tenant) -> None:
    halves = at(0, phone=ASHA), at(1, user_id="IN.77", profile_name="Asha")
    older, newer = upsert(tenant, *halves)
    upsert(
        tenant,
        *halves,
        activity=[
            Activity(contact_id=older or 0, count=2, first_at=NOW, last_at=NOW),
            Activity(contact_id=newer or 0, count=3, first_at=NOW, last_at=NOW),
        ],
    )

    (joined,) = upsert(tenant, at(2, phone=ASHA, user_id="IN.77"))

    contact = Contact.objects.get()
    assert joined == contact.pk == older
    assert (contact.name, contact.message_count) == ("Asha", 5)
    merge = ContactMerge.objects.get()
    assert (merge.survivor_id, merge.merged_contact_id) == (older, newer)
    assert merge.merged_contact["message_count"] == 3
    assert len(merge.moved["contact_identities"]) == 1


def test_a_changed_number_keeps_the_contact(tenant: Tenant) -> None:
    (asha,) = upsert(tenant, at(0, phone=ASHA, user_id="IN.77", profile_name="Asha"))

    changed = upsert(
        tenant,
        IdentityChange(
            old_phone=ASHA,
            old_user_id="IN.77",
            new_phone="919800000111",
            new_user_id="IN.118",
            waba_id=WABA,
            seen_at=NOW + timedelta(minutes=5),
        ),
    )
    later = upsert(
        tenant,
        at(6, phone="919800000111"),
        at(7, user_id="IN.118"),
        at(1, phone=ASHA, user_id="IN.77"),
    )

    assert changed == [asha]
    assert later == [asha, asha, asha]
    assert people(tenant) == {
        ("919800000111", "Asha", frozenset({ASHA, "919800000111", "IN.77", "IN.118"}))
    }


def test_a_change_that_comes_after_the_new_number_wrote_joins_both(
    tenant: Tenant,
) -> None:
    old, _ = upsert(
        tenant,
        at(0, phone=ASHA, user_id="IN.77"),
        at(9, phone="919800000111", user_id="IN.118"),
    )

    upsert(
        tenant,
        IdentityChange(
            old_phone=ASHA,
            old_user_id="IN.77",
            new_phone="919800000111",
            new_user_id="IN.118",
            waba_id=WABA,
            seen_at=NOW + timedelta(minutes=5),
        ),
    )

    contact = Contact.objects.get()
    assert (contact.pk, contact.phone_number) == (old, "919800000111")


def test_a_change_of_somebody_unknown_makes_nobody(tenant: Tenant) -> None:
    change = IdentityChange(
        old_phone=ASHA,
        old_user_id=None,
        new_phone=IMRAN,
        new_user_id=None,
        seen_at=NOW,
    )

    assert upsert(tenant, change) == [None]
    assert not Contact.objects.exists()


def test_a_contact_inserted_by_hand_is_found_by_its_number(tenant: Tenant) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO contacts (tenant_id, phone_number) VALUES (%s, %s)"
            " RETURNING id",
            [tenant.pk, "5511981234567"],
        )
        (by_hand,) = cursor.fetchone()

    assert upsert(tenant, at(0, phone="551181234567", profile_name="Bia")) == [by_hand]

    assert people(tenant) == {("5511981234567", "Bia", frozenset({"5511981234567"}))}


def test_a_number_added_by_hand_is_taken_from_who_had_it_once(tenant: Tenant) -> None:
    (asha,) = upsert(tenant, at(0, phone=ASHA, user_id="IN.77"))
    change = IdentityChange(
        old_phone=ASHA,
        old_user_id="IN.77",
        new_phone=IMRAN,
        new_user_id="IN.78",
        waba_id=WABA,
        seen_at=NOW + timedelta(minutes=1),
    )
    upsert(tenant, change)
    by_hand = ContactFactory.create(tenant=tenant, phone_number=ASHA)

    assert upsert(tenant, at(5, phone=ASHA, user_id="IN.99")) == [by_hand.pk]

    assert Contact.objects.get(pk=asha).phone_number == IMRAN


def test_updated_at_moves_only_when_something_changed(tenant: Tenant) -> None:
    upsert(tenant, at(0, phone=ASHA, profile_name="Asha"))
    later = NOW + timedelta(hours=1)

    upsert(tenant, at(0, phone=ASHA, profile_name=""), now=later)
    assert Contact.objects.get().updated_at == NOW

    upsert(tenant, at(3, phone=ASHA, profile_name="A"), now=later)
    assert Contact.objects.get().updated_at == later


def test_another_tenant_has_a_contact_of_its_own(tenant: Tenant) -> None:
    stranger = TenantFactory.create()
    sender = at(0, phone=ASHA, user_id="IN.77", profile_name="Asha")

    (ours,) = upsert(tenant, sender)
    (theirs,) = upsert(stranger, sender)

    assert ours != theirs
    assert upsert(stranger, replace(sender, known_only=True)) == [theirs]
    assert people(tenant) == people(stranger)


def test_the_log_masks_people_unless_told_otherwise(
    tenant: Tenant,
    caplog: pytest.LogCaptureFixture,
    settings: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    caplog.set_level(logging.INFO, "contacts")
    sender = at(0, phone=ASHA, profile_name="Asha Verma")

    with django_capture_on_commit_callbacks(execute=True):
        upsert(tenant, sender)
    masked = caplog.messages.copy()
    caplog.clear()
    settings.LOG_PERSONAL_DATA = True
    with django_capture_on_commit_callbacks(execute=True):
        upsert(tenant, sender)

    assert masked == [
        f"Upserting contact: phone=********0101, name=A***, tenant_id={tenant.pk}",
        "Contact upserted successfully for ********0101",
    ]
    assert caplog.messages == [
        f"Upserting contact: phone={ASHA}, name=Asha Verma, tenant_id={tenant.pk}",
        f"Contact upserted successfully for {ASHA}",
    ]


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one_contact_of_each(settings: Any) -> None:
    tenant = TenantFactory.create()
    shapes = [
        at(0, phone=ASHA, user_id="IN.77"),
        at(0, phone=ASHA),
        at(0, user_id="IN.77"),
        at(0, phone=IMRAN, user_id="IN.78"),
    ]
    start = threading.Barrier(8)
    failures = []

    def drain(turn: int) -> None:
        try:
            start.wait()
            for _ in range(5):
                upsert(tenant, *shapes[turn % 4 :], *shapes[: turn % 4])
        except Exception as exc:
            failures.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=drain, args=[turn]) for turn in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert {(number, ids) for number, _, ids in people(tenant)} == {
        (ASHA, frozenset({ASHA, "IN.77"})),
        (IMRAN, frozenset({IMRAN, "IN.78"})),
    }
    assert ContactIdentity.objects.count() == 4
