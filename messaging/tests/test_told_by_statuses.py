"""What a delivery report tells of who a contact is, in whatever order it comes."""

from collections.abc import Sequence
from itertools import permutations

import pytest

from contacts.models import Contact, ContactIdentity, ContactMerge
from messaging.events import store_event
from messaging.models import MessageStatus, WebhookEvent
from messaging.tests.bodies import (
    ASHA,
    ASHA_ID,
    NOON,
    WABA_ID,
    JsonObject,
    body,
    message_body,
    person,
    status,
    status_body,
)
from messaging.tests.bodies import message as bare_message
from messaging.tests.posting import deliver, process_all
from messaging.tests.test_any_order import (
    day,
    listed,
    note,
    reported,
    said,
    tables,
)
from tenants.models import WhatsAppNumber
from tenants.tests.factories import WhatsAppNumberFactory

NEXT_ID, LATER_ID = "IN.9902", "IN.9903"
NEW_NUMBER = "919800000188"
BRAZIL, BRAZIL_WITH_9 = "551187654321", "5511987654321"
PORTFOLIO_2 = "209283746501123"


def told(name: str = "delivered", user_id: str = ASHA_ID, **fields: object) -> bytes:
    return status_body(status(status=name, recipient_user_id=user_id) | fields)


def identities(contact: Contact) -> set[str]:
    return set(contact.identities.values_list("value", flat=True))


@pytest.mark.parametrize("name", ["sent", "delivered", "read", "played"])
def test_a_report_teaches_a_known_contact_its_user_id(number, name):
    deliver(message_body(bare_message(), contacts=[person()]))

    deliver(told(name))
    # She hides her number from now on.
    hidden = bare_message("wamid.2", from_user_id=ASHA_ID)
    hidden.pop("from")
    deliver(message_body(hidden))

    contact = Contact.objects.get()
    assert (contact.phone_number, contact.message_count) == (ASHA, 2)
    assert identities(contact) == {ASHA, ASHA_ID}


@pytest.mark.parametrize(
    "report",
    [
        told("failed"),
        told("deleted"),
        status_body(status()),
        told(user_id="not an id"),
        told(user_id=""),
        told(recipient_id=None),
        told(recipient_id="120363040000000000@g.us", recipient_type="group"),
        told(recipient_type="group"),
    ],
    ids=[
        "failed", "unknown word", "number only", "no id", "blank id", "id only",
        "group", "group with a number",
    ],
)  # fmt: skip
def test_a_report_that_proves_nothing_teaches_nothing(number, report):
    deliver(message_body(bare_message(), contacts=[person()]))

    deliver(report)

    assert MessageStatus.objects.count() == 1
    assert identities(Contact.objects.get()) == {ASHA}
    assert not WebhookEvent.objects.exclude(awaits=[]).exists()


def test_a_report_about_nobody_makes_nobody_and_waits(number):
    deliver(told("sent"), told("delivered"), told("read"))

    assert MessageStatus.objects.count() == 3
    assert not Contact.objects.exists()
    assert not ContactIdentity.objects.exists()
    assert set(WebhookEvent.objects.values_list("status", flat=True)) == {"processed"}

    deliver(message_body(bare_message(), contacts=[person()]))

    assert identities(Contact.objects.get()) == {ASHA, ASHA_ID}
    assert not WebhookEvent.objects.exclude(awaits=[]).exists()
    assert MessageStatus.objects.count() == 3


def test_the_listed_contact_completes_what_the_report_leaves_out(number):
    deliver(message_body(bare_message(), contacts=[person()]))
    entry = person(ASHA, None, user_id=ASHA_ID)

    deliver(status_body(status(status="read"), contacts=[entry]))

    assert identities(Contact.objects.get()) == {ASHA, ASHA_ID}


@pytest.mark.parametrize(
    ("phone_key", "user_key"),
    [
        ("recipient_participant_id", "recipient_participant_user_id"),
        ("participant_recipient_id", "participant_recipient_user_id"),
    ],
)
def test_in_a_group_each_participant_is_told_of(number, phone_key, user_key):
    deliver(message_body(bare_message(), contacts=[person()]))
    in_group = {"recipient_type": "group", "recipient_id": "Y2FwaV9ncm91cDox"}

    deliver(status_body(status() | in_group | {phone_key: ASHA, user_key: ASHA_ID}))

    assert identities(Contact.objects.get()) == {ASHA, ASHA_ID}


def test_another_tenants_contact_learns_nothing(number):
    theirs = WhatsAppNumberFactory.create(waba_id=WABA_ID)
    deliver(
        message_body(
            bare_message(),
            contacts=[person()],
            phone_number_id=theirs.phone_number_id,
        )
    )

    deliver(told())

    assert identities(Contact.objects.get(tenant=theirs.tenant)) == {ASHA}
    assert not Contact.objects.filter(tenant=number.tenant).exists()


def test_a_report_takes_no_number_from_who_wrote_from_it(number):
    """Only who writes from a number shows that it changed hands."""
    deliver(
        message_body(
            bare_message(from_user_id=ASHA_ID, timestamp=str(NOON - 86_400 * 90)),
            contacts=[person()],
        )
    )
    newcomer = bare_message("wamid.2", from_user_id=NEXT_ID)
    newcomer.pop("from")
    deliver(message_body(newcomer))

    deliver(told(user_id=NEXT_ID))

    assert identities(Contact.objects.get(phone_number=ASHA)) == {ASHA, ASHA_ID}
    assert identities(Contact.objects.get(phone_number=None)) == {NEXT_ID}


def test_a_late_report_about_a_former_number_does_not_bring_it_back(number):
    moved = {"type": "user_changed_number", "wa_id": NEW_NUMBER, "user_id": NEXT_ID}
    moved |= {"previous_user_id": ASHA_ID}
    change = {"type": "system", "system": moved, "from": ASHA}
    deliver(
        message_body(bare_message(from_user_id=ASHA_ID)),
        message_body(bare_message("wamid.2", timestamp=str(NOON + 60)) | change),
    )

    deliver(told("read", timestamp=str(NOON + 3_600)))

    contact = Contact.objects.get()
    assert contact.phone_number == NEW_NUMBER
    assert identities(contact) == {ASHA, ASHA_ID, NEW_NUMBER, NEXT_ID}


def test_a_report_gives_a_number_to_who_had_none(number):
    hidden = bare_message(from_user_id=ASHA_ID)
    hidden.pop("from")
    deliver(message_body(hidden))

    deliver(told())

    assert Contact.objects.get().phone_number == ASHA


def test_halves_that_a_report_ties_are_one_and_it_is_kept_why(number):
    hidden = bare_message("wamid.2", from_user_id=ASHA_ID)
    hidden.pop("from")
    deliver(message_body(bare_message()), message_body(hidden))
    assert Contact.objects.count() == 2

    deliver(told())

    assert Contact.objects.get().message_count == 2
    assert ContactMerge.objects.get().reason == "identities_met"


def ties(at: float, phone: str, user_id: str, name: str = "delivered") -> JsonObject:
    return reported(
        f"out.{at}", at, name, recipient_id=phone, recipient_user_id=user_id
    )


MOVED = {"type": "user_changed_number", "wa_id": NEW_NUMBER, "user_id": NEXT_ID}
STORIES: dict[str, list[JsonObject]] = {
    "known by halves": [
        said("in.1", 1, ASHA, None, "Asha"),
        ties(2, ASHA, ASHA_ID),
        said("in.3", 3, None, ASHA_ID, "Asha V"),
        ties(4, ASHA, ASHA_ID, "read"),
    ],
    "a recycled number": [
        said("in.1", 1, ASHA, ASHA_ID, "Asha"),
        ties(30, ASHA, NEXT_ID),
        said("in.2", 40, None, NEXT_ID, "Bela"),
        said("in.3", 50, ASHA, NEXT_ID, "Bela"),
    ],
    "a recycled number whose new owner hides it": [
        said("in.1", 1, ASHA, ASHA_ID, "Asha"),
        ties(30, ASHA, NEXT_ID, "sent"),
        ties(30.1, ASHA, NEXT_ID, "read"),
        said("in.2", 40, None, NEXT_ID, "Bela"),
    ],
    "a number that changed": [
        said("in.1", 1, ASHA, ASHA_ID, "Asha"),
        note("moved", 10, MOVED | {"previous_user_id": ASHA_ID}, **{"from": ASHA}),
        ties(11, ASHA, ASHA_ID, "read"),
        ties(12, NEW_NUMBER, NEXT_ID),
    ],
    "a number that changed before its halves met": [
        said("in.1", 1, ASHA, None, "Asha"),
        note("moved", 10, MOVED | {"previous_user_id": ASHA_ID}, **{"from": ASHA}),
        said("in.2", 3, None, ASHA_ID, "Asha"),
        said("in.3", 12, NEW_NUMBER, NEXT_ID, "Asha"),
    ],
    "the address book and a hidden number": [
        listed("add", 1, ASHA, full_name="Asha from the shop"),
        ties(2, ASHA, ASHA_ID),
        said("in.1", 3, None, ASHA_ID, "Asha"),
    ],
    "two spellings": [
        said("in.1", 1, BRAZIL, None, "João"),
        ties(2, BRAZIL_WITH_9, "BR.7701"),
        ties(3, BRAZIL, "BR.7701"),
        said("in.2", 4, None, "BR.7701"),
    ],
    "nobody who ever wrote": [
        ties(1, ASHA, ASHA_ID, "sent"),
        ties(2, ASHA, ASHA_ID),
        ties(3, ASHA, NEXT_ID),
    ],
}


def play(orders: Sequence[Sequence[JsonObject]]) -> list[WhatsAppNumber]:
    """Deliver a story in several orders, each to a tenant of its own.

    All orders go on side by side, an update at a time: one by one takes minutes.
    """
    numbers = [WhatsAppNumberFactory.create(waba_id=WABA_ID) for _ in orders]
    for step in zip(*orders, strict=True):
        for number, update in zip(numbers, step, strict=True):
            metadata = update["value"]["metadata"]
            metadata["phone_number_id"] = number.phone_number_id
            store_event(body=body(update), signed_by="app")
        process_all()
    return numbers


@pytest.mark.django_db
@pytest.mark.parametrize("story", STORIES)
def test_reports_and_messages_end_the_same_in_every_order(story):
    orders = list(permutations(STORIES[story]))
    twice = [update for update in STORIES[story] for _ in range(2)]

    first, *others = play(orders)
    (repeated,) = play([twice])

    end = tables(first)
    assert all(tables(other) == end for other in others)
    assert tables(repeated) == end


@pytest.mark.django_db
def test_another_portfolios_id_is_one_more_of_the_same_person():
    """Portfolios give the same person different ids: neither is a rival."""
    for order in permutations(range(3)):
        ours = WhatsAppNumberFactory.create(waba_id=WABA_ID)
        second = WhatsAppNumberFactory.create(tenant=ours.tenant, waba_id=PORTFOLIO_2)
        at_ours = {"phone_number_id": ours.phone_number_id}
        bodies = [
            message_body(
                bare_message(from_user_id=ASHA_ID, timestamp=day(1)), **at_ours
            ),
            body(
                told_at(second, NEXT_ID),
                waba_id=PORTFOLIO_2,
            ),
            body(hidden_at(second, NEXT_ID), waba_id=PORTFOLIO_2),
        ]

        for place in order:
            deliver(bodies[place])

        contact = Contact.objects.get(tenant=ours.tenant)
        assert identities(contact) == {ASHA, ASHA_ID, NEXT_ID}
        assert (contact.phone_number, contact.message_count) == (ASHA, 2)


def told_at(number: WhatsAppNumber, user_id: str) -> JsonObject:
    change = ties(2, ASHA, user_id)
    change["value"]["metadata"]["phone_number_id"] = number.phone_number_id
    return change


def hidden_at(number: WhatsAppNumber, user_id: str) -> JsonObject:
    change = said("in.hidden", 3, None, user_id)
    change["value"]["metadata"]["phone_number_id"] = number.phone_number_id
    return change
