"""One long conversation, told in any order, in any parcels, more than once."""

import random
from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import Any

import pytest
from django.utils import timezone

from contacts.models import Contact, ContactIdentity
from messaging.events import store_event
from messaging.models import ChatMessage, MessageStatus, WebhookEvent
from messaging.services import process_events
from messaging.tests.bodies import (
    ASHA,
    ASHA_ID,
    BUSINESS_PHONE,
    NOON,
    JsonObject,
    body,
    change,
    echo,
    message,
    person,
    status,
    status_body,
)
from messaging.tests.posting import deliver, process_all
from tenants.models import WhatsAppNumber
from tenants.tests.factories import WhatsAppNumberFactory

IMRAN, IMRAN_ID = "919800000116", "IN.2291"
FORMER, FORMER_ID = "919800000103", "IN.1182"
OLD, OLD_ID, OLDER_ID = "919800000107", "IN.3351", "IN.3350"
RECYCLED, LEILA_ID, POOJA_ID = "919800000105", "IN.5501", "IN.5502"
KIRAN, KIRAN_ID, NOBODY = "919800000109", "IN.4409", "919800000199"
NAMELESS_ID, HANDLE_ID = "IN.6601", "IN.6602"
BRAZIL, BRAZIL_WITH_9, BRAZIL_ID = "551187654321", "5511987654321", "BR.7701"


def day(number: float) -> str:
    return str(NOON - 60 * 86_400 + int(number * 86_400))


def said(
    wamid: str,
    at: float,
    phone: str | None = None,
    user_id: str | None = None,
    name: str | None = None,
    username: str | None = None,
    **fields: Any,
) -> JsonObject:
    """A message with the `contacts` entry that comes with it."""
    item = message(wamid, timestamp=day(at), text={"body": f"text of {wamid}"})
    item = {k: v for k, v in item.items() if k != "from"} | fields
    entry = person(phone, name)
    for key, value in (("from", phone), ("from_user_id", user_id)):
        if value:
            item[key] = value
    if user_id:
        entry["user_id"] = user_id
    if username:
        entry.setdefault("profile", {})["username"] = username
    return change(messages=[item], contacts=[entry])


def note(wamid: str, at: float, system: JsonObject, **fields: Any) -> JsonObject:
    item = {"id": wamid, "timestamp": day(at), "type": "system", "system": system}
    return change(messages=[item | fields])


def wrote(wamid: str, at: float, to: str, **fields: Any) -> JsonObject:
    item = message(wamid, **{"from": BUSINESS_PHONE, "to": to}, timestamp=day(at))
    return change(field="smb_message_echoes", message_echoes=[item | fields])


def reported(wamid: str, at: float, name: str, **fields: Any) -> JsonObject:
    return change(statuses=[status(wamid, name, timestamp=day(at), **fields)])


def remembered(with_phone: str, *messages: JsonObject) -> JsonObject:
    thread = {"id": with_phone, "messages": list(messages)}
    return change(field="history", history=[{"threads": [thread]}])


def listed(action: str, at: float, phone: str, **names: str) -> JsonObject:
    entry = {
        "type": "contact",
        "contact": {"phone_number": phone} | names,
        "action": action,
        "metadata": {"timestamp": day(at)},
    }
    return change(field="smb_app_state_sync", state_sync=[entry])


def wished(value: str, at: float, **who: str) -> JsonObject:
    wish = {"category": "marketing_messages", "value": value, "timestamp": int(day(at))}
    return change(field="user_preferences", user_preferences=[wish | who])


def answered(email: str) -> JsonObject:
    answer = {"name": "flow", "response_json": f'{{"email": "{email}"}}'}
    reply = {"type": "nfm_reply", "nfm_reply": answer}
    return {"type": "interactive", "interactive": reply, "text": None}


def about(kind: str, original: str, **more: Any) -> JsonObject:
    key = "message_id" if kind == "reaction" else "original_message_id"
    return {"type": kind, kind: {key: original} | more, "text": None}


def edited(original: str, text: str) -> JsonObject:
    words = {"type": "text", "text": {"body": text}}
    return about("edit", original, message=words)


PHOTO = {"type": "image", "image": {"id": "11", "caption": "the receipt"}, "text": None}
CONVERSATION = [
    # Asha, whose names change, and who hides her number one day.
    said("asha.1", 1, ASHA, ASHA_ID, "Asha"),
    said("asha.2", 2, ASHA, ASHA_ID, "Asha Verma"),
    said("asha.3", 3, None, ASHA_ID, None, "asha.v"),
    said("asha.4", 4, None, ASHA_ID, "Asha V", "asha.verma"),
    said("asha.edit1", 4.1, ASHA, ASHA_ID, **edited("asha.1", "second words")),
    said("asha.edit2", 4.2, None, ASHA_ID, **edited("asha.1", "third words")),
    said("asha.revoke", 4.3, ASHA, ASHA_ID, **about("revoke", "asha.2")),
    said("asha.like", 4.4, ASHA, ASHA_ID, **about("reaction", "out.1", emoji="🙏")),
    said("asha.unlike", 4.5, ASHA, ASHA_ID, **about("reaction", "out.1")),
    said("asha.group", 4.6, ASHA, ASHA_ID, group_id="G1"),
    said("asha.flow1", 4.7, ASHA, ASHA_ID, **answered("first@example.in")),
    said("asha.flow2", 4.8, None, ASHA_ID, **answered("second@example.in")),
    wished("stop", 4.7, wa_id=ASHA),
    wished("resume", 4.8, user_id=ASHA_ID),
    note("asha.code", 0.5, {"type": "customer_identity_changed"}, **{"from": ASHA}),
    # What the business wrote to her, and how far it came.
    wrote("out.1", 2.1, ASHA),
    wrote("out.2", 2.2, ASHA),
    wrote("out.edit", 2.3, ASHA, **edited("out.2", "corrected")),
    *(reported("out.1", 2.4, name) for name in ("sent", "delivered", "read")),
    *(reported("out.2", 2.4, name) for name in ("sent", "failed")),
    reported("out.unknown", 2.5, "delivered"),
    *(
        reported("out.group", 2.6, "read", recipient_participant_id=who)
        for who in (ASHA, IMRAN)
    ),
    # The phone's history knows some of it, too, and media come late.
    remembered(
        ASHA,
        message("asha.1", timestamp=day(1), history_context={"status": "READ"}),
        message(
            "out.2",
            **{"from": BUSINESS_PHONE, "to": ASHA},
            timestamp=day(2.2),
            history_context={"status": "DELIVERED"},
        ),
        message("old.photo", timestamp=day(0.1), type="media_placeholder"),
    ),
    change(
        field="history",
        messages=[message("old.photo", timestamp=day(0.1)) | PHOTO],
    ),
    # Imran is known by halves before they meet; then he changes his number, twice.
    said("imran.1", 1, FORMER, None, "Imran"),
    said("imran.2", 2, None, FORMER_ID, "Imran K"),
    said("imran.3", 3, FORMER, FORMER_ID),
    wished("resume", 1.5, user_id=FORMER_ID),
    wished("stop", 2.5, wa_id=FORMER),
    note(
        "imran.moved",
        10,
        {
            "type": "user_changed_number",
            "wa_id": OLD,
            "user_id": OLDER_ID,
            "previous_user_id": FORMER_ID,
        },
        **{"from": FORMER},
    ),
    said("imran.4", 12, OLD, OLDER_ID),
    note(
        "imran.moved.again",
        20,
        {"type": "user_changed_user_id", "user_id": OLD_ID, "wa_id": IMRAN}
        | {"previous_user_id": OLDER_ID},
    ),
    said("imran.5", 22, IMRAN, OLD_ID, "Imran Khan"),
    # Kiran is known by halves, too; only reports of delivery tie them.
    said("kiran.1", 1, KIRAN, None, "Kiran"),
    said("kiran.2", 5, None, KIRAN_ID),
    *(
        reported("out.3", 3, name, recipient_id=KIRAN, recipient_user_id=KIRAN_ID)
        for name in ("sent", "delivered", "read")
    ),
    reported("out.4", 4, "sent", recipient_id=NOBODY, recipient_user_id="IN.8801"),
    # A number that somebody else got later.
    said("leila.1", 1, RECYCLED, LEILA_ID),
    said("leila.2", 3, RECYCLED, LEILA_ID),
    said("pooja.1", 40, RECYCLED, POOJA_ID, "Pooja"),
    # People with little to be called by.
    said("nameless.1", 1, None, NAMELESS_ID),
    said("handle.1", 1, None, HANDLE_ID),
    said("handle.2", 2, None, HANDLE_ID, None, "the.handle"),
    # One Brazilian in two spellings.
    said("brazil.1", 1, BRAZIL, None, "João"),
    said("brazil.2", 5, BRAZIL_WITH_9, BRAZIL_ID),
    # The business's own address book.
    listed("add", 1, ASHA, full_name="Asha from the shop"),
    listed("add", 6, BRAZIL_WITH_9, full_name="João padaria"),
    listed("add", 8, BRAZIL, full_name="João da padaria"),
    listed("remove", 9, ASHA),
    listed("add", 3, "919800000120", full_name="Never wrote"),
    listed("remove", 4, "919800000120"),
]


def deliver_parcels(
    updates: Sequence[JsonObject], number: WhatsAppNumber, *, chance: random.Random
) -> None:
    """Store the updates in parcels of some, and process them in batches of some."""
    for parcel in parcels(updates, chance):
        for update in parcel:
            metadata = update["value"]["metadata"]
            metadata["phone_number_id"] = number.phone_number_id
        store_event(body=body(*parcel), signed_by="app")
        if chance.random() < 0.4:
            process_events(limit=chance.randint(1, 4), now=timezone.now())
    process_all(limit=chance.randint(1, 9))


def parcels(
    updates: Sequence[JsonObject], chance: random.Random
) -> Iterator[Sequence[JsonObject]]:
    rest = list(updates)
    while rest:
        size = chance.choice([1, 1, 1, 2, 3, 8])
        yield rest[:size]
        del rest[:size]


def tables(number: WhatsAppNumber) -> dict[str, list[Any]]:
    """Everything a tenant has, without ids and times of arrival."""
    tenant_id = number.tenant_id
    identities: dict[int, list[tuple[str, str]]] = {}
    for identity in ContactIdentity.objects.filter(tenant_id=tenant_id):
        key = (identity.kind, identity.value)
        identities.setdefault(identity.contact_id, []).append(key)
    who = {contact_id: sorted(keys) for contact_id, keys in identities.items()}
    columns = [
        *("phone_number", "name", "name_source", "profile_name", "profile_name_at"),
        *("address_book_name", "address_book_name_at", "username", "username_at"),
        *("first_message_at", "last_message_at", "message_count"),
        *("email", "email_source", "stated_email", "stated_email_at"),
        *("marketing_preference", "marketing_preference_at"),
    ]
    contacts = [
        (who[row["pk"]], {column: row[column] for column in columns})
        for row in Contact.objects.filter(tenant_id=tenant_id).values("pk", *columns)
    ]
    columns = [
        *("wamid", "direction", "kind", "text", "payload", "sent_at", "reply_to"),
        *("group_id", "status", "edited_at", "revoked_at"),
    ]
    messages = [
        row | {"contact": who.get(row.pop("contact_id"))}
        for row in ChatMessage.objects.filter(whatsapp_number=number)
        .order_by("wamid")
        .values("contact_id", *columns)
    ]
    columns = [
        *("wamid", "status", "participant", "occurred_at", "error_code", "payload")
    ]
    statuses = list(
        MessageStatus.objects.filter(whatsapp_number=number)
        .order_by("wamid", "status", "participant")
        .values(*columns)
    )
    return {
        "contacts": sorted(contacts, key=lambda row: row[0]),
        "messages": messages,
        "statuses": statuses,
    }


@pytest.mark.parametrize("seed", range(8))
def test_a_conversation_ends_the_same_however_it_is_told(number, seed):
    elsewhere = WhatsAppNumberFactory.create(waba_id=number.waba_id)
    chance = random.Random(seed)
    shuffled = CONVERSATION + chance.sample(CONVERSATION, 15)
    chance.shuffle(shuffled)

    deliver_parcels(CONVERSATION, number, chance=random.Random(0))
    deliver_parcels(shuffled, elsewhere, chance=chance)

    assert tables(elsewhere) == tables(number)
    assert not WebhookEvent.objects.exclude(status="processed").exists()


def test_the_conversation_ends_as_a_person_would_expect(number):
    deliver_parcels(CONVERSATION, number, chance=random.Random(0))

    told = {row.name: row for row in Contact.objects.all()}
    assert set(told) == {
        *("Asha V", "Imran Khan", "WhatsApp user", "Pooja", "the.handle"),
        *("João da padaria", "919800000120", "Kiran"),
    }
    assert told["Imran Khan"].phone_number == IMRAN
    assert told["Pooja"].phone_number == RECYCLED
    assert told["Asha V"].email == "second@example.in"
    assert told["Asha V"].marketing_preference == "resume"
    assert told["Imran Khan"].marketing_preference == "stop"
    assert told["João da padaria"].phone_number == BRAZIL_WITH_9
    for contact in told.values():
        assert contact.message_count == contact.messages.count()
    assert not ChatMessage.objects.filter(contact=None).exists()
    assert ChatMessage.objects.get(wamid="out.2").status == "delivered"


STATUSES = ["sent", "delivered", "read", "played", "failed"]


@pytest.mark.parametrize("message_at", [0, 3, 5])
def test_every_order_of_a_message_s_statuses_ends_the_same(number, message_at):
    orders = list(permutations(STATUSES))
    for place, order in enumerate(orders):
        wamid = f"wamid.{place}"
        bodies = [status_body(status(wamid, name)) for name in order]
        bodies.insert(message_at, echo(wamid))
        WebhookEvent.objects.bulk_create(
            WebhookEvent(body=raw, signed_by="app") for raw in bodies
        )

    # One at a time would take minutes; an odd size cuts the orders anywhere.
    process_all(limit=53)

    assert set(ChatMessage.objects.values_list("status")) == {("played",)}
    assert ChatMessage.objects.count() == len(orders)
    assert MessageStatus.objects.count() == 5 * len(orders)


@pytest.mark.parametrize("last", ["sent", "failed", "delivered", "read"])
def test_the_furthest_of_fewer_statuses_is_shown_in_every_order(number, last):
    ranked = ["sent", "failed", "delivered", "read"]
    names = ranked[: ranked.index(last) + 1]
    for place, order in enumerate(permutations(names)):
        raw = [status_body(status(f"wamid.{place}", name)) for name in order]
        deliver(*raw[:1])
        deliver(echo(f"wamid.{place}"), *raw[1:])

    assert set(ChatMessage.objects.values_list("status")) == {(last,)}
