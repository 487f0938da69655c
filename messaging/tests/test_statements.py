"""What people state of themselves: an e-mail address in a Flow, a wish on marketing."""

import json
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from contacts.models import Contact
from contacts.tests.factories import ContactFactory
from messaging.models import ChatMessage, WebhookEvent
from messaging.tests.bodies import (
    ASHA,
    ASHA_ID,
    NOON,
    JsonObject,
    body,
    change,
    message,
    message_body,
    person,
)
from messaging.tests.posting import deliver
from tenants.models import WhatsAppNumber

DEEP = '{"email": ' + "[" * 5_000


def answered(
    answer: Any, wamid: str = "wamid.F", *, name: str = "flow", **fields: Any
) -> bytes:
    """A body with the answer of a Flow, as WhatsApp encodes it."""
    text = answer if isinstance(answer, str) else json.dumps(answer)
    reply = {"name": name, "body": "Sent", "response_json": text}
    item = message(
        wamid,
        type="interactive",
        interactive={"type": "nfm_reply", "nfm_reply": reply},
        **fields,
    )
    return message_body(item, contacts=[person()])


def wished(value: Any, at: Any = NOON, **fields: Any) -> bytes:
    wish: JsonObject = {
        "wa_id": ASHA,
        "user_id": ASHA_ID,
        "category": "marketing_messages",
        "value": value,
        "timestamp": at,
    }
    return body(change(field="user_preferences", user_preferences=[wish | fields]))


# E-mail


@pytest.mark.parametrize(
    ("answer", "email"),
    [
        ({"email": "asha@example.in", "size": "M"}, "asha@example.in"),
        ({"email": "  asha@example.in\n"}, "asha@example.in"),
        ({"email": "not an address"}, ""),
        ({"email": "asha@example.in, ravi@example.in"}, ""),
        ({"email": f"{'a' * 250}@example.in"}, ""),
        ({"email": "a\x00@example.in"}, ""),
        ({"email": ["asha@example.in"]}, ""),
        ({"email": None}, ""),
        ({"contact": {"email": "asha@example.in"}}, ""),
        ({"mail": "asha@example.in"}, ""),
        (["asha@example.in"], ""),
        ("{broken", ""),
        ("", ""),
        (DEEP, ""),
        ('{"n": ' + "9" * 5_000 + ', "email": "asha@example.in"}', ""),
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_address_stated_in_a_flow_becomes_the_contact_s(number, answer, email):
    deliver(answered(answer))

    contact = Contact.objects.get()
    assert (contact.email, contact.email_source) == (email, "flow" if email else "")
    assert ChatMessage.objects.get().text == "Sent"
    assert WebhookEvent.objects.get().status == "processed"


@pytest.mark.parametrize(
    ("field", "email"),
    [("e_mail", "asha@example.in"), ("email", ""), ("", "")],
)
def test_only_the_field_that_the_tenant_named_is_read(number, field, email):
    number.tenant.flow_email_field = field
    number.tenant.save()

    deliver(answered({"e_mail": "asha@example.in", "": "x@example.in"}))

    assert Contact.objects.get().email == email


@pytest.mark.parametrize(
    "raw",
    [
        message_body(message(text={"body": "asha@example.in"})),
        message_body(
            message(
                type="contacts",
                contacts=[
                    {
                        "name": {"formatted_name": "Asha"},
                        "emails": [{"email": "asha@example.in"}],
                        "origin": "contact_request",
                        "phones": [{"wa_id": ASHA}],
                    }
                ],
            )
        ),
        answered({"email": "asha@example.in"}, name="address_message"),
        message_body(
            message(
                type="interactive",
                interactive={
                    "type": "nfm_reply",
                    "nfm_reply": {
                        "name": "flow",
                        "response_json": {"email": "asha@example.in"},
                    },
                },
            )
        ),
    ],
    ids=["text", "card", "address form", "no text"],
)
def test_no_other_word_of_an_address_becomes_the_contact_s(number, raw):
    deliver(raw)

    assert Contact.objects.get().email == ""


def test_the_newest_answer_counts_in_whatever_order_they_come(number):
    answers = [
        answered({"email": f"{day}@example.in"}, f"w.{day}", timestamp=str(NOON + day))
        for day in (1, 2, 3)
    ]
    for order in permutations(answers):
        Contact.objects.update(
            email="", email_source="", stated_email="", stated_email_at=None
        )
        WebhookEvent.objects.all().delete()

        for raw in (*order, order[0]):
            deliver(raw)

        contact = Contact.objects.get()
        assert contact.email == "3@example.in"
        assert contact.stated_email_at == datetime.fromtimestamp(NOON + 3, UTC)


@pytest.mark.parametrize("source", ["staff", ""], ids=["staff", "somebody's SQL"])
def test_an_address_that_was_entered_stays(number, source):
    ContactFactory.create(
        tenant=number.tenant,
        phone_number=ASHA,
        email="office@example.in",
        email_source=source,
    )

    deliver(answered({"email": "asha@example.in"}))

    contact = Contact.objects.get()
    assert (contact.email, contact.email_source) == ("office@example.in", source)
    assert contact.stated_email == "asha@example.in"


# Marketing


def preference() -> tuple[str, float | None]:
    contact = Contact.objects.get()
    at = contact.marketing_preference_at
    return contact.marketing_preference, at.timestamp() if at else None


@pytest.fixture
def asha(number: WhatsAppNumber) -> None:
    deliver(message_body(message(from_user_id=ASHA_ID), contacts=[person()]))


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (wished("stop"), ("stop", NOON)),
        (wished("STOP", str(NOON)), ("stop", NOON)),
        (wished("resume", NOON * 1_000), ("resume", NOON)),
        (wished("stop", wa_id=None), ("stop", NOON)),
        (wished("stop", user_id=None), ("stop", NOON)),
        (wished("stop", category="utility_messages"), ("", None)),
        (wished("maybe"), ("", None)),
        (wished(None), ("", None)),
        (wished(["stop"]), ("", None)),
    ],
)
def test_a_wish_about_marketing_is_kept_with_its_person(asha, raw, kept):
    deliver(raw)
    deliver(raw)

    assert preference() == kept
    assert ChatMessage.objects.count() == 1
    assert set(WebhookEvent.objects.values_list("status")) == {("processed",)}


def test_the_newest_wish_counts_in_whatever_order_they_come(asha):
    told = [("stop", NOON - 5), ("resume", NOON), ("stop", NOON + 5)]
    wishes = [wished(value, at) for value, at in told]
    for order in permutations(wishes):
        Contact.objects.update(marketing_preference="", marketing_preference_at=None)

        for raw in (*order, order[0]):
            deliver(raw)

        assert preference() == ("stop", NOON + 5)


def test_a_wish_and_its_contrary_at_one_moment_stop_the_messages(asha):
    deliver(wished("stop"), wished("resume"))

    assert preference() == ("stop", NOON)


def test_a_wish_of_somebody_unknown_makes_nobody_and_waits_for_them(number):
    deliver(wished("stop"))
    assert not Contact.objects.exists()

    deliver(message_body(message(from_user_id=ASHA_ID), contacts=[person()]))

    assert preference() == ("stop", NOON)


def test_a_wish_reaches_no_other_tenant(number):
    stranger = ContactFactory.create(phone_number=ASHA)

    deliver(wished("stop"))

    stranger.refresh_from_db()
    assert stranger.marketing_preference == ""


def test_halves_that_meet_keep_the_newest_statements_of_both(number):
    deliver(
        answered({"email": "old@example.in"}, "w.1"),
        wished("resume", NOON, user_id=None),
    )
    by_id = {"from": None, "from_user_id": ASHA_ID}
    raw = answered({"email": "new@example.in"}, "w.2", timestamp=str(NOON + 9), **by_id)
    deliver(
        raw.replace(f'"wa_id": "{ASHA}"'.encode(), f'"user_id": "{ASHA_ID}"'.encode())
    )
    deliver(wished("stop", NOON + 9, wa_id=None))
    assert Contact.objects.count() == 2

    deliver(message_body(message("w.3", from_user_id=ASHA_ID), contacts=[person()]))

    assert preference() == ("stop", NOON + 9)
    assert Contact.objects.get().email == "new@example.in"
