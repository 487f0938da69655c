"""What Meta's reference says a value may look like: once, twice and in any order.

Each story is delivered as it is, every update twice, and backwards; all three end as
the story says.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from contacts.models import Contact
from messaging.events import store_event
from messaging.models import ChatMessage, MessageStatus, WebhookEvent
from messaging.tests.bodies import (
    ASHA,
    ASHA_ID,
    BUSINESS_PHONE,
    NOON,
    WABA_ID,
    JsonObject,
    body,
    change,
    message,
    person,
    status,
)
from messaging.tests.posting import process_all
from messaging.tests.test_any_order import tables
from tenants.models import WhatsAppNumber
from tenants.tests.factories import WhatsAppNumberFactory

pytestmark = pytest.mark.django_db

BELA, BELA_ID = "919800000102", "IN.8825413069275531"
NOBODY = "WhatsApp user"


class Story(NamedTuple):
    """Updates, and what they come to; a person is (number, name), a message (kind,
    text, whose number) by its id."""

    updates: Sequence[JsonObject]
    people: set[tuple[str | None, str]]
    messages: dict[str, tuple[str, str]] = {}
    statuses: int = 0
    event: str = "processed"


def wrote(wamid: str = "wamid.A", **fields: Any) -> JsonObject:
    """A message; None takes a key out."""
    item = message(wamid, **fields)
    return {key: value for key, value in item.items() if value is not None}


def came(*items: JsonObject, listed: Any = None, **arrays: Any) -> JsonObject:
    contacts = [person()] if listed is None else listed
    return change(messages=list(items), contacts=contacts, **arrays)


def of(kind: str, content: Any, wamid: str = "wamid.A", **more: Any) -> JsonObject:
    return wrote(wamid, type=kind, text=None, **{kind: content}, **more)


def echoed(item: JsonObject, **arrays: Any) -> JsonObject:
    sent = {"from": BUSINESS_PHONE} | {k: v for k, v in item.items() if k != "from"}
    return change(field="smb_message_echoes", message_echoes=[sent], **arrays)


def synced(*entries: JsonObject) -> JsonObject:
    return change(field="smb_app_state_sync", state_sync=list(entries))


def entry(action: str, at: int, **contact: Any) -> JsonObject:
    moment = {"timestamp": str(NOON + at)}
    return {"type": "contact", "action": action, "contact": contact, "metadata": moment}


def threaded(*threads: JsonObject, **more: Any) -> JsonObject:
    facts = {"phase": 0, "chunk_order": 1, "progress": 50}
    return change(
        field="history", history=[{"metadata": facts, "threads": list(threads)}], **more
    )


ASHA_ONLY = {(ASHA, "Asha Verma")}
HELLO = {"wamid.A": ("text", "hello")}
HIDDEN: dict[str, Any] = {"from": None, "from_user_id": ASHA_ID}
MEDIA = {"id": "335500001", "mime_type": "image/jpeg", "sha256": "x"}

STORIES: dict[str, Story] = {
    # The sender
    "a plus before the number": Story(
        [came(wrote(**{"from": f"+{ASHA}"}))], ASHA_ONLY, HELLO
    ),
    "absent values as blank texts, as before February 2026": Story(
        [
            came(
                wrote(**{"from": "", "from_user_id": ASHA_ID, "group_id": ""}),
                listed=[{"wa_id": "", "user_id": ASHA_ID, "profile": {"name": "Asha"}}],
            )
        ],
        {(None, "Asha")},
        HELLO,
    ),
    "a user id in small letters is none": Story(
        [came(wrote(from_user_id="in.77143"))], ASHA_ONLY, HELLO
    ),
    "only a parent user id is nobody to hold on to": Story(
        [came(wrote(**{"from": None, "from_parent_user_id": "IN.ENT.1"}), listed=[])],
        set(),
        event="parked",
    ),
    "a parent user id beside the own one": Story(
        [
            came(
                wrote(from_user_id=ASHA_ID, from_parent_user_id="IN.ENT.1"),
                listed=[person(user_id=ASHA_ID, parent_user_id="IN.ENT.1")],
            )
        ],
        ASHA_ONLY,
        HELLO,
    ),
    "a username and no name": Story(
        [
            came(
                wrote(**HIDDEN),
                listed=[{"user_id": ASHA_ID, "profile": {"username": "asha.v"}}],
            )
        ],
        {(None, "asha.v")},
        HELLO,
    ),
    "nothing but a user id": Story(
        [came(wrote(**HIDDEN), listed=[])], {(None, NOBODY)}, HELLO
    ),
    "an identity key hash": Story(
        [came(wrote(), listed=[person(identity_key_hash="DF2lS5v2W6x=")])],
        ASHA_ONLY,
        HELLO,
    ),
    "two people listed, the message by user id of the second": Story(
        [
            came(
                wrote(**{"from": None, "from_user_id": BELA_ID}),
                listed=[person(user_id=ASHA_ID), person(BELA, "Bela", user_id=BELA_ID)],
            )
        ],
        {(BELA, "Bela")},
        HELLO,
    ),
    # The envelope
    "what else a value may carry": Story(
        [
            came(
                wrote(),
                conversation_context={"id": "1"},
                user_actions=[{"type": "x"}],
                errors=[{"code": 130429, "title": "Rate limit hit"}],
            )
        ],
        ASHA_ONLY,
        HELLO,
    ),
    "a value that carries only errors": Story(
        [change(errors=[{"code": 131000, "title": "Something went wrong"}])], set()
    ),
    "empty arrays": Story([change(contacts=[], messages=[], statuses=[])], set()),
    "null arrays": Story([change(messages=None, statuses=None, errors=None)], set()),
    # Kinds
    "a media message without its media": Story(
        [
            came(
                of("image", None, errors=[{"code": 131052, "title": "Too big"}]),
            )
        ],
        ASHA_ONLY,
        {"wamid.A": ("image", "")},
    ),
    "a media edit brings new media": Story(
        [
            came(of("image", MEDIA | {"caption": "old"})),
            came(
                of(
                    "edit",
                    {
                        "original_message_id": "wamid.A",
                        "message": {
                            "context": {},
                            "type": "image",
                            "image": MEDIA | {"id": "335500002", "caption": "new"},
                        },
                    },
                    "wamid.E",
                    timestamp=str(NOON + 60),
                )
            ),
        ],
        ASHA_ONLY,
        {"wamid.A": ("image", "new"), "wamid.E": ("edit", "new")},
    ),
    "a sticker": Story(
        [came(of("sticker", MEDIA | {"animated": True}))],
        ASHA_ONLY,
        {"wamid.A": ("sticker", "")},
    ),
    "a location's address without a name": Story(
        [came(of("location", {"latitude": 1, "longitude": 2, "address": "MG Road"}))],
        ASHA_ONLY,
        {"wamid.A": ("location", "MG Road")},
    ),
    "a card of nobody": Story(
        [came(of("contacts", [{}]))], ASHA_ONLY, {"wamid.A": ("contacts", "")}
    ),
    "a card with a last name only": Story(
        [came(of("contacts", [{"name": {"last_name": "Rao"}, "phones": [{}]}]))],
        ASHA_ONLY,
        {"wamid.A": ("contacts", "Rao")},
    ),
    "the asked number ties the user id to who wrote from it": Story(
        [
            came(wrote("wamid.0"), listed=[person()]),
            came(
                of(
                    "contacts",
                    [{"origin": "contact_request", "phones": [{"wa_id": ASHA}]}],
                    **HIDDEN,
                ),
                listed=[{"user_id": ASHA_ID}],
            ),
        ],
        ASHA_ONLY,
        {"wamid.0": ("text", "hello"), "wamid.A": ("contacts", "")},
    ),
    "another's card ties nothing": Story(
        [
            came(wrote("wamid.0"), listed=[person()]),
            came(
                of(
                    "contacts",
                    [{"origin": "other", "vcard": "x", "phones": [{"wa_id": ASHA}]}],
                    **HIDDEN,
                ),
                listed=[{"user_id": ASHA_ID}],
            ),
        ],
        {(ASHA, "Asha Verma"), (None, NOBODY)},
        {"wamid.0": ("text", "hello"), "wamid.A": ("contacts", "")},
    ),
    "interactive without its object, and the error beside it": Story(
        [
            came(
                wrote(type="interactive", text=None),
                errors=[{"code": 131000, "title": "Something went wrong"}],
            )
        ],
        ASHA_ONLY,
        {"wamid.A": ("interactive", "")},
    ),
    "an address form": Story(
        [
            came(
                of(
                    "interactive",
                    {
                        "type": "nfm_reply",
                        "nfm_reply": {
                            "name": "address_message",
                            "body": "MG Road",
                            "response_json": "{not json",
                        },
                    },
                )
            )
        ],
        ASHA_ONLY,
        {"wamid.A": ("interactive", "MG Road")},
    ),
    "a call permission": Story(
        [
            came(
                of(
                    "interactive",
                    {
                        "type": "call_permission_reply",
                        "call_permission_reply": {
                            "response": "accept",
                            "is_permanent": False,
                            "expiration_timestamp": NOON,
                            "response_source": "automatic",
                        },
                    },
                )
            )
        ],
        ASHA_ONLY,
        {"wamid.A": ("interactive", "accept")},
    ),
    "an interactive type nobody has seen": Story(
        [came(of("interactive", {"type": "product", "product": {"x": 1}}))],
        ASHA_ONLY,
        {"wamid.A": ("interactive", "")},
    ),
    "a template's button with a payload only": Story(
        [came(of("button", {"payload": "STOP"}))],
        ASHA_ONLY,
        {"wamid.A": ("button", "STOP")},
    ),
    "a reaction taken back by a blank emoji": Story(
        [
            came(of("reaction", {"message_id": "wamid.0", "emoji": "🙏"})),
            came(of("reaction", {"message_id": "wamid.0", "emoji": ""}, "wamid.B")),
        ],
        ASHA_ONLY,
        {"wamid.A": ("reaction", "🙏"), "wamid.B": ("reaction", "")},
    ),
    "an order without its note": Story(
        [came(of("order", {"catalog_id": "1", "product_items": []}))],
        ASHA_ONLY,
        {"wamid.A": ("order", "")},
    ),
    "an unsupported kind, named": Story(
        [
            came(
                wrote(
                    type="unsupported",
                    text=None,
                    errors=[{"code": 131051, "title": "Unsupported"}],
                    unsupported={"type": "poll_creation"},
                )
            )
        ],
        ASHA_ONLY,
        {"wamid.A": ("unsupported", "")},
    ),
    "the older word for it": Story(
        [
            came(
                wrote(
                    type="unknown",
                    text=None,
                    errors=[{"code": 501, "details": "Not supported"}],
                )
            )
        ],
        ASHA_ONLY,
        {"wamid.A": ("unknown", "")},
    ),
    "the chat was opened": Story(
        [came(wrote(type="request_welcome", text=None))],
        ASHA_ONLY,
        {"wamid.A": ("request_welcome", "")},
    ),
    "no type at all": Story(
        [came(wrote(type=None))], ASHA_ONLY, {"wamid.A": ("unknown", "")}
    ),
    "forwarded, and asked about a product": Story(
        [
            came(
                wrote(
                    context={
                        "frequently_forwarded": True,
                        "referred_product": {
                            "catalog_id": "1",
                            "product_retailer_id": "CUP",
                        },
                    }
                )
            )
        ],
        ASHA_ONLY,
        HELLO,
    ),
    "an ad in the status has no click id": Story(
        [
            came(
                wrote(
                    referral={
                        "source_type": "ad",
                        "source_id": "1",
                        "headline": "Loans",
                        "welcome_message": {"text": "Hi"},
                    }
                )
            )
        ],
        ASHA_ONLY,
        HELLO,
    ),
    "a group's message that is not supported": Story(
        [came(wrote(type="unsupported", text=None, group_id="Y2FwaV9ncm91cDox"))],
        ASHA_ONLY,
        {"wamid.A": ("unsupported", "")},
    ),
    # Notes about identity
    "the older note of a new number": Story(
        [
            came(wrote(), listed=[person()]),
            change(
                messages=[
                    of(
                        "system",
                        {
                            "type": "customer_changed_number",
                            "customer": ASHA,
                            "new_wa_id": BELA,
                            "body": "changed",
                        },
                        "wamid.S",
                        **{"from": BELA},
                        timestamp=str(NOON + 60),
                    )
                ]
            ),
        ],
        {(BELA, "Asha Verma")},
        {"wamid.A": ("text", "hello"), "wamid.S": ("system", "changed")},
    ),
    "a security note with its sibling": Story(
        [
            came(wrote(), listed=[person()]),
            change(
                messages=[
                    of(
                        "system",
                        {"type": "customer_identity_changed", "customer": ASHA},
                        "wamid.S",
                        identity={"acknowledged": True, "hash": "x"},
                    )
                ]
            ),
        ],
        ASHA_ONLY,
        {"wamid.A": ("text", "hello"), "wamid.S": ("system", "")},
    ),
    "the withdrawn field of new user ids": Story(
        [
            came(wrote(from_user_id=ASHA_ID), listed=[person(user_id=ASHA_ID)]),
            change(
                field="user_id_update",
                user_id_update=[
                    {
                        "wa_id": ASHA,
                        "user_id": {"previous": ASHA_ID, "current": BELA_ID},
                        "timestamp": str(NOON),
                    }
                ],
            ),
            came(
                wrote("wamid.B", **{"from": None, "from_user_id": BELA_ID}), listed=[]
            ),
        ],
        ASHA_ONLY,
        {"wamid.A": ("text", "hello"), "wamid.B": ("text", "hello")},
    ),
    # Reports
    "reports with all that a year of editions put in": Story(
        [
            change(
                statuses=[
                    status(
                        "wamid.S",
                        "delivered",
                        biz_opaque_callback_data="17",
                        conversation={"id": "c", "origin": {"type": "service"}},
                        pricing={"billable": True, "pricing_model": "PMP"},
                        recipient_parent_user_id="IN.ENT.1",
                        parent_recipient_user_id="IN.ENT.1",
                        recipient_identity_key_hash="x",
                        template_id="1",
                    )
                ],
                contacts=[{"wa_id": ASHA}],
            )
        ],
        set(),
        statuses=1,
    ),
    "a word that is new": Story(
        [change(statuses=[status("wamid.S", "warning")])], set(), statuses=1
    ),
    "a report about an inbound message does not mark it": Story(
        [came(wrote()), change(statuses=[status("wamid.A", "read")])],
        ASHA_ONLY,
        HELLO,
        statuses=1,
    ),
    "played tops read, failed tops sent only": Story(
        [
            echoed(wrote(to=ASHA)),
            *(
                change(statuses=[status("wamid.A", name)])
                for name in ("read", "played", "failed", "sent")
            ),
        ],
        {(ASHA, ASHA)},
        HELLO,
        statuses=4,
    ),
    "one report of a group for each participant": Story(
        [
            change(
                statuses=[
                    status(
                        "wamid.S",
                        "read",
                        recipient_id="Y2FwaV9ncm91cDox",
                        recipient_type="group",
                        recipient_participant_user_id=who,
                    )
                    for who in (ASHA_ID, BELA_ID)
                ]
            )
        ],
        set(),
        statuses=2,
    ),
    # Coexistence
    "an echo to a user id": Story(
        [echoed(wrote(to_user_id=ASHA_ID), contacts=[{"user_id": ASHA_ID}])],
        {(None, NOBODY)},
        HELLO,
    ),
    "an echo in Brazil's older spelling": Story(
        [
            came(
                wrote("wamid.0", **{"from": "5511987654321"}),
                listed=[person("5511987654321", "João")],
            ),
            echoed(wrote(to="551187654321")),
        ],
        {("5511987654321", "João")},
        {"wamid.0": ("text", "hello"), "wamid.A": ("text", "hello")},
    ),
    "an echo that edits and one that revokes": Story(
        [
            echoed(wrote("wamid.1", to=ASHA)),
            echoed(wrote("wamid.2", to=ASHA)),
            echoed(
                of(
                    "edit",
                    {
                        "original_message_id": "wamid.1",
                        "message": {"type": "text", "text": {"body": "better"}},
                    },
                    "wamid.3",
                    to=ASHA,
                )
            ),
            echoed(
                of("revoke", {"original_message_id": "wamid.2"}, "wamid.4", to=ASHA)
            ),
        ],
        {(ASHA, ASHA)},
        {
            "wamid.1": ("text", "better"),
            "wamid.2": ("text", "hello"),
            "wamid.3": ("edit", "better"),
            "wamid.4": ("revoke", ""),
        },
    ),
    "the address book: added, edited, removed": Story(
        [
            synced(entry("add", 1, phone_number=ASHA, first_name="Asha")),
            synced(entry("add", 2, phone_number=ASHA, full_name="Asha from work")),
            synced(entry("remove", 3, phone_number=ASHA)),
        ],
        {(ASHA, ASHA)},
    ),
    "the address book: removed, and back again": Story(
        [
            synced(entry("add", 1, phone_number=ASHA, full_name="Old")),
            synced(entry("remove", 2, phone_number=f"+{ASHA}")),
            synced(entry("add", 3, phone_number=ASHA, full_name="New")),
        ],
        {(ASHA, "New")},
    ),
    "the address book knows a user id and a username": Story(
        [synced(entry("add", 1, user_id=ASHA_ID, username="asha.v"))],
        {(None, "asha.v")},
    ),
    "a history that was declined": Story(
        [change(field="history", history=[{"errors": [{"code": 2593109}]}])], set()
    ),
    "a thread known by its context only": Story(
        [
            threaded(
                {
                    "context": {"user_id": ASHA_ID, "username": "asha.v"},
                    "messages": [
                        wrote(
                            **HIDDEN,
                            history_context={"status": "READ"},
                        ),
                        wrote(
                            "wamid.B",
                            **{"from": BUSINESS_PHONE},
                            history_context={"status": "PLAYED"},
                        ),
                    ],
                }
            )
        ],
        {(None, "asha.v")},
        {"wamid.A": ("text", "hello"), "wamid.B": ("text", "hello")},
    ),
    "an empty thread makes nobody": Story(
        [threaded({"id": ASHA, "messages": []}, {"id": BELA})], set()
    ),
    "late media as an echo of the business": Story(
        [
            threaded(
                {
                    "id": ASHA,
                    "messages": [
                        wrote(
                            **{"from": BUSINESS_PHONE},
                            to=ASHA,
                            type="media_placeholder",
                            text=None,
                        )
                    ],
                }
            ),
            change(
                field="history",
                message_echoes=[
                    of(
                        "image",
                        MEDIA | {"caption": "receipt"},
                        **{"from": BUSINESS_PHONE},
                        to=ASHA,
                    )
                ],
            ),
        ],
        {(ASHA, ASHA)},
        {"wamid.A": ("image", "receipt")},
    ),
    # Other fields
    "a wish in words not known yet": Story(
        [
            came(wrote()),
            change(
                field="user_preferences",
                user_preferences=[
                    {"wa_id": ASHA, "category": "utility", "value": "stop"},
                    {"wa_id": ASHA, "category": "marketing_messages", "value": "?"},
                ],
            ),
        ],
        ASHA_ONLY,
        HELLO,
    ),
    "a call is no message": Story(
        [
            change(
                field="calls",
                calls=[{"id": "wacid.1", "from": ASHA, "event": "connect"}],
                contacts=[person()],
            )
        ],
        set(),
    ),
    "another app's conversation": Story(
        [change(field="standby", messages=[wrote()], contacts=[person()])], set()
    ),
    "a field without documentation": Story(
        [change(field="consumer_profile", anything=[1])], set()
    ),
    # What JSON allows
    "degrees beyond any float": Story(
        [came(of("location", {"latitude": 10**400, "longitude": 2}))],
        ASHA_ONLY,
        {"wamid.A": ("location", "")},
    ),
    "the same id in another case is another message": Story(
        [came(wrote("wamid.a"), wrote("wamid.A"))],
        ASHA_ONLY,
        {"wamid.a": ("text", "hello"), "wamid.A": ("text", "hello")},
    ),
    "a text that is no text": Story(
        [came(wrote(text="hello"), wrote("wamid.B", text={"body": 5}))],
        ASHA_ONLY,
        {"wamid.A": ("text", ""), "wamid.B": ("text", "")},
    ),
}


def deliver_to_new_tenant(updates: Sequence[JsonObject]) -> WhatsAppNumber:
    number = WhatsAppNumberFactory.create(waba_id=WABA_ID)
    for update in updates:
        metadata = update["value"]["metadata"]
        metadata["phone_number_id"] = number.phone_number_id
        store_event(body=body(update), signed_by="app")
        process_all()
    return number


@pytest.mark.parametrize("name", STORIES)
def test_a_value_as_the_reference_has_it(name: str) -> None:
    story = STORIES[name]

    number = deliver_to_new_tenant(story.updates)

    told = {
        row.wamid: (row.kind, row.text)
        for row in ChatMessage.objects.filter(whatsapp_number=number)
    }
    people = Contact.objects.filter(tenant=number.tenant)
    assert told == story.messages
    assert set(people.values_list("phone_number", "name")) == story.people
    assert MessageStatus.objects.count() == story.statuses
    statuses = set(WebhookEvent.objects.values_list("status", flat=True))
    assert statuses == {story.event}


@pytest.mark.parametrize("name", STORIES)
def test_it_is_the_same_twice_and_backwards(name: str) -> None:
    updates = STORIES[name].updates
    once = tables(deliver_to_new_tenant(updates))

    twice = deliver_to_new_tenant([one for one in updates for _ in range(2)])
    backwards = deliver_to_new_tenant(updates[::-1])

    assert tables(twice) == once
    assert tables(backwards) == once
