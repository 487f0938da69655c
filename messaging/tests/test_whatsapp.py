import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from messaging.tests.bodies import (
    ASHA,
    ASHA_ID,
    NOON,
    body,
    change,
    envelope,
    message,
    message_body,
    person,
    status,
    status_body,
)
from messaging.whatsapp import (
    IdentityChange,
    Message,
    Payload,
    Person,
    Status,
    parse,
)

PAYLOADS = Path(__file__).parent / "payloads"


def messages_in(payload: Payload) -> list[Message]:
    return [message for change in payload.changes for message in change.messages]


def statuses_in(payload: Payload) -> list[Status]:
    return [status for change in payload.changes for status in change.statuses]


def only_message(raw: bytes) -> Message:
    (read,) = messages_in(parse(raw))
    return read


def typed(kind: str, content: Any, **fields: Any) -> bytes:
    item = message(type=kind, **{kind: content}, **fields)
    del item["text"]
    return message_body(item)


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        ("image", {"id": "1", "caption": "Broken seal"}, "Broken seal"),
        ("video", {"id": "1", "caption": "unboxing"}, "unboxing"),
        ("audio", {"id": "1", "voice": True}, ""),
        ("document", {"id": "1", "filename": "../bill.pdf"}, "../bill.pdf"),
        ("sticker", {"id": "1", "animated": False}, ""),
        ("location", {"latitude": 12.9, "longitude": 77.5}, "12.9, 77.5"),
        ("location", {"name": "Shop", "address": "MG Rd"}, "Shop, MG Rd"),
        ("contacts", [{"name": {"formatted_name": "Ira Das"}}], "Ira Das"),
        ("button", {"payload": "OPT_OUT", "text": "Stop"}, "Stop"),
        ("reaction", {"message_id": "wamid.B", "emoji": "👍"}, "👍"),
        ("order", {"catalog_id": "1", "text": "as gift"}, "as gift"),
        ("system", {"type": "x", "body": "A note"}, "A note"),
        (
            "interactive",
            {"type": "button_reply", "button_reply": {"id": "b", "title": "Cancel"}},
            "Cancel",
        ),
        (
            "interactive",
            {"type": "list_reply", "list_reply": {"id": "l", "title": "16:00"}},
            "16:00",
        ),
        (
            "interactive",
            {
                "type": "nfm_reply",
                "nfm_reply": {"body": "Sent", "response_json": "{not json"},
            },
            "Sent",
        ),
        (
            "interactive",
            {
                "type": "call_permission_reply",
                "call_permission_reply": {"response": "accept"},
            },
            "accept",
        ),
    ],
)
def test_a_message_of_each_kind_says_its_text(kind: str, content: Any, text: str):
    read = only_message(typed(kind, content))

    assert (read.kind, read.text) == (kind, text)
    assert json.loads(read.payload)[kind] == content


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("interactive", None),
        ("interactive", {"type": []}),
        ("text", None),
        ("text", {"body": 5}),
        ("location", {"latitude": "12", "longitude": None}),
        ("contacts", {"name": "no list"}),
        ("unsupported", {"type": "poll_creation"}),
        ("request_welcome", None),
        ("edit", {"message": []}),
    ],
)
def test_a_message_whose_content_is_missing_is_kept_without_words(kind, content):
    read = only_message(typed(kind, content))

    assert (read.kind, read.text) == (kind, "")


@pytest.mark.parametrize("kind", ["poll_vote_v9", "", None, 5, ["text"]])
def test_a_type_nobody_knows_yet_is_kept_as_unknown(kind):
    read = only_message(message_body(message(type=kind)))

    assert read.kind == "unknown"
    assert json.loads(read.payload)["type"] == kind


@pytest.mark.parametrize(
    ("kind", "content", "about"),
    [
        ("reaction", {"message_id": "wamid.B"}, "wamid.B"),
        ("reaction", {"message_id": "wamid.B", "emoji": ""}, "wamid.B"),
        ("edit", {"original_message_id": "wamid.B", "message": {}}, "wamid.B"),
        ("revoke", {"original_message_id": "wamid.B"}, "wamid.B"),
    ],
)
def test_what_concerns_another_message_names_it(kind, content, about):
    read = only_message(typed(kind, content, context={"id": "wamid.OTHER"}))

    assert read.reply_to == about


def test_an_edit_says_the_new_text():
    edited = {"type": "text", "text": {"body": "500g"}}

    read = only_message(
        typed("edit", {"original_message_id": "wamid.B", "message": edited})
    )

    assert read.text == "500g"


def test_a_forwarded_message_answers_nothing():
    read = only_message(message_body(message(context={"forwarded": True})))

    assert read.reply_to == ""


def test_a_media_address_is_not_kept_because_it_dies_in_five_minutes():
    read = only_message(typed("image", {"id": "1", "url": "https://lookaside"}))

    assert json.loads(read.payload)["image"] == {"id": "1"}


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        (str(NOON), datetime(2026, 11, 21, 14, tzinfo=UTC)),
        (NOON, datetime(2026, 11, 21, 14, tzinfo=UTC)),
        (float(NOON), datetime(2026, 11, 21, 14, tzinfo=UTC)),
        (f"{NOON}250", datetime(2026, 11, 21, 14, 0, 0, 250000, tzinfo=UTC)),
        ("99999999999999999999", None),
        (10**300, None),
        ("0", None),
        ("-5", None),
        ("²", None),
        ("yesterday", None),
        (True, None),
        (None, None),
        ([], None),
    ],
)
def test_a_time_is_read_in_seconds_or_milliseconds_or_not_at_all(timestamp, expected):
    read = only_message(message_body(message(timestamp=timestamp)))

    assert read.sent_at == expected


@pytest.mark.parametrize(
    ("sender", "phone", "user_id"),
    [
        ({"from": ASHA}, ASHA, None),
        ({"from": f"+{ASHA}"}, ASHA, None),
        ({"from": int(ASHA)}, ASHA, None),
        ({"from": ASHA, "from_user_id": ASHA_ID}, ASHA, ASHA_ID),
        ({"from": None, "from_user_id": ASHA_ID}, None, ASHA_ID),
        ({"from": "", "from_user_id": ASHA_ID}, None, ASHA_ID),
        ({"from": ASHA_ID}, None, ASHA_ID),
        ({"from": "12", "from_user_id": "IN.ENT.11"}, None, "IN.ENT.11"),
        ({"from": ASHA, "from_user_id": "in.77"}, ASHA, None),
        ({"from": ASHA, "from_user_id": f"IN.{'7' * 129}"}, ASHA, None),
    ],
)
def test_the_sender_is_a_phone_a_user_id_or_both(sender, phone, user_id):
    read = only_message(message_body(message(**sender)))

    assert read.person == Person(phone=phone, user_id=user_id)


@pytest.mark.parametrize(
    ("listed", "profile_name"),
    [
        (person(name="By phone"), "By phone"),
        (person(None, "By id", user_id=ASHA_ID), "By id"),
        (person(ASHA, "Somebody new", user_id="IN.999"), ""),
        (person("919800000999", "Somebody else"), ""),
        ({"wa_id": ASHA}, ""),
        (person(name=None, profile=[]), ""),
        (person(name=None, profile={"name": None}), ""),
        (person(name="  \u200b \u3164 "), ""),
        (person(name="Ra\x00vi\x01\x1b[31m\nK"), "Ravi[31m K"),
        (person(name="\u202egnp.exe"), "gnp.exe"),
        (person(name="अस्मि\u200dता"), "अस्मि\u200dता"),
    ],
)
def test_a_name_is_the_listed_contact_s_when_an_identity_says_so(listed, profile_name):
    item = message(from_user_id=ASHA_ID)

    read = only_message(message_body(item, contacts=[listed]))

    assert read.person is not None
    assert read.person.profile_name == profile_name


def test_contacts_belong_to_messages_by_identity_never_by_place():
    read = parse((PAYLOADS / "c18_two_contacts_crossed_order.json").read_bytes())

    assert [m.person and m.person.profile_name for m in messages_in(read)] == [
        "Asha Verma",
        "Ravi K 🚲",
        "Asha Verma",
    ]


def test_a_brazilian_number_is_found_in_its_other_spelling():
    listed = person("5511987654321", "Bia")

    read = only_message(
        message_body(
            message(**{"from": "551187654321"}, contacts=[]), contacts=[listed]
        )
    )

    assert read.person is not None
    assert (read.person.phone, read.person.profile_name) == ("551187654321", "Bia")


def test_a_message_without_sender_is_the_only_listed_contact_s():
    item = message(**{"from": None})

    read = only_message(message_body(item, contacts=[person()]))

    assert read.person == Person(ASHA, None, profile_name="Asha Verma")


@pytest.mark.parametrize("contacts", [None, [], [person(), person("919800000102")]])
def test_a_message_that_may_be_anybody_s_is_a_problem(contacts):
    read = parse(message_body(message(**{"from": None}), contacts=contacts))

    assert messages_in(read) == []
    assert [problem.where for problem in read.problems] == [
        "entry[0].changes[0].value.messages[0]"
    ]


@pytest.mark.parametrize(
    ("card", "fields", "phone"),
    [
        ({"origin": "contact_request", "phones": [{"wa_id": ASHA}]}, {}, ASHA),
        ({"origin": "contact_request", "phones": [{"phone": f"+{ASHA}"}]}, {}, ASHA),
        ({"phones": [{"wa_id": ASHA}]}, {"origin": "contact_request"}, ASHA),
        ({"origin": "other", "phones": [{"wa_id": ASHA}]}, {}, None),
        ({"phones": [{"wa_id": ASHA}]}, {}, None),
    ],
)
def test_only_the_card_we_asked_for_tells_the_sender_s_number(card, fields, phone):
    item = message(type="contacts", contacts=[card], from_user_id=ASHA_ID, **fields) | {
        "from": None
    }

    read = only_message(message_body(item))

    assert read.person == Person(phone=phone, user_id=ASHA_ID)


@pytest.mark.parametrize(
    ("fields", "system", "expected"),
    [
        pytest.param(
            {"from": ASHA, "from_user_id": ASHA_ID},
            {
                "type": "user_changed_number",
                "wa_id": "919800000111",
                "user_id": "IN.118",
                "previous_user_id": ASHA_ID,
            },
            IdentityChange(ASHA, ASHA_ID, "919800000111", "IN.118"),
            id="number changed, August 2026",
        ),
        pytest.param(
            {"from": ASHA},
            {"type": "user_changed_number", "wa_id": "919800000111"},
            IdentityChange(ASHA, None, "919800000111", None),
            id="number changed, before",
        ),
        pytest.param(
            {"from": "919800000111"},
            {
                "type": "customer_changed_number",
                "new_wa_id": "919800000111",
                "customer": ASHA,
            },
            IdentityChange(ASHA, None, "919800000111", None),
            id="number changed, the oldest spelling",
        ),
        pytest.param(
            {"from": None, "from_user_id": "IN.601"},
            {
                "type": "user_changed_user_id",
                "user_id": "IN.601",
                "previous_user_id": ASHA_ID,
            },
            IdentityChange(None, ASHA_ID, None, "IN.601"),
            id="user id changed, no phone",
        ),
        pytest.param(
            {"from": ASHA},
            {"type": "customer_identity_changed", "wa_id": "919800000111"},
            None,
            id="a new device only",
        ),
        pytest.param(
            {"from": ASHA},
            {"type": "user_changed_number", "wa_id": ASHA},
            None,
            id="to the same number",
        ),
        pytest.param({"from": ASHA}, None, None, id="a note without content"),
    ],
)
def test_a_system_message_may_tell_a_change_of_identity(fields, system, expected):
    read = only_message(message_body(message(type="system", system=system, **fields)))

    assert read.identity_change == expected


def test_the_withdrawn_field_for_user_ids_is_still_understood():
    item = {"wa_id": ASHA, "user_id": {"previous": ASHA_ID, "current": "IN.601"}}

    read = parse(body(change(field="user_id_update", user_id_update=[item])))

    assert read.changes[0].identity_changes == (
        IdentityChange(ASHA, ASHA_ID, ASHA, "IN.601"),
    )


@pytest.mark.parametrize(
    ("fields", "participant"),
    [
        ({}, ""),
        ({"recipient_participant_id": ASHA}, ASHA),
        ({"participant_recipient_id": ASHA}, ASHA),
        ({"recipient_participant_user_id": ASHA_ID}, ASHA_ID),
        (
            {
                "recipient_participant_id": ASHA,
                "recipient_participant_user_id": ASHA_ID,
            },
            ASHA,
        ),
    ],
)
def test_a_status_in_a_group_names_its_participant_in_both_spellings(
    fields, participant
):
    read = parse(status_body(status(**fields)))

    assert [s.participant for s in statuses_in(read)] == [participant]


def test_a_failed_status_tells_its_error_code():
    errors = [{"code": 131047, "title": "Re-engagement message"}]

    read = parse(status_body(status(status="failed", errors=errors)))

    assert [(s.status, s.error_code) for s in statuses_in(read)] == [("failed", 131047)]


def test_an_echo_is_outbound_and_about_the_customer_it_went_to():
    read = only_message((PAYLOADS / "f01_echo_text.json").read_bytes())

    assert read.direction == "outbound"
    assert read.person is not None
    assert read.person.phone == "5511900000201"
    assert read.person.profile_name == "Beatriz Nogueira"


def test_a_history_thread_tells_directions_by_who_wrote():
    read = parse((PAYLOADS / "f11_history_chunk.json").read_bytes())

    assert [(m.direction, m.kind, m.status) for m in messages_in(read)] == [
        ("outbound", "text", "read"),
        ("outbound", "media_placeholder", "played"),
        ("inbound", "text", "read"),
        ("outbound", "text", "delivered"),
    ]


def test_address_book_and_preferences_are_read():
    book = parse((PAYLOADS / "f07_state_sync_add_bulk.json").read_bytes())
    preferences = parse((PAYLOADS / "g05_user_preferences_stop.json").read_bytes())

    assert [entry.name for entry in book.changes[0].address_book] == [
        "Bia Nogueira (cliente VIP)",
        "Fornecedor Papel",
        "",
    ]
    assert [p.value for p in preferences.changes[0].preferences] == ["stop"]


def test_what_concerns_no_number_is_counted_and_needs_none():
    read = parse((PAYLOADS / "g01_account_update_partner_added.json").read_bytes())

    assert (read.changes[0].other_count, read.problems) == (1, ())


def test_a_value_may_hold_nothing_but_errors():
    read = parse(body(change(errors=[{"code": 130429}])))

    assert (read.changes[0].other_count, read.problems) == (1, ())


@pytest.mark.parametrize(
    ("raw", "where", "words"),
    [
        (b"", "body", "not JSON"),
        (b"{", "body", "character 1"),
        (b"\xff\xfe\xfa", "body", "not valid UTF-8"),
        (b'{"object": "caf\xff"}', "body", "not valid UTF-8"),
        (b"[" * 100_000, "body", "nested too deeply"),
        (b"1" * 5_000, "body", "thousands of digits"),
        (b"[]", "body", "not an object"),
        (b"null", "body", "not an object"),
        (b'{"object": "page"}', "object", "WhatsApp"),
        (b'{"object": "whatsapp_business_account"}', "entry", "list"),
        (
            json.dumps(envelope() | {"entry": {"id": "1"}}).encode(),
            "entry",
            "list",
        ),
        (json.dumps(envelope() | {"entry": [5]}).encode(), "entry[0]", "object"),
        (
            json.dumps(envelope() | {"entry": [{"id": "1"}]}).encode(),
            "entry[0].changes",
            "list",
        ),
        (body({}), "entry[0].changes[0].field", "about"),
        (
            body({"field": "messages", "value": None}),
            "entry[0].changes[0].value",
            "value",
        ),
        (
            body(change(messages={"id": "1"})),
            "entry[0].changes[0].value.messages",
            "list",
        ),
        (
            message_body(message(id=None)),
            "entry[0].changes[0].value.messages[0]",
            "no id",
        ),
        (
            message_body(message(id="w" * 513)),
            "entry[0].changes[0].value.messages[0]",
            "no id",
        ),
        (
            status_body(status(status=None)),
            "entry[0].changes[0].value.statuses[0]",
            "missing",
        ),
    ],
)
def test_what_cannot_be_read_is_a_problem_with_its_place(raw, where, words):
    read = parse(raw)

    assert [problem.where for problem in read.problems] == [where]
    assert words in read.problems[0].reason


@pytest.mark.parametrize(
    "phone_number_id", [["114620538274910"], None, 114620538274910, "", "११", "1" * 33]
)
def test_a_change_for_no_particular_number_is_a_problem(phone_number_id):
    read = parse(message_body(message(), phone_number_id=phone_number_id))

    assert read.changes == ()
    assert [problem.where for problem in read.problems] == [
        "entry[0].changes[0].value.metadata.phone_number_id"
    ]


def test_a_bad_item_costs_none_of_its_siblings():
    read = parse(
        body(
            {"field": "messages", "value": 5},
            change(
                messages=[message("wamid.1"), None, message(None), message("wamid.2")],
                statuses=[status("wamid.3"), {}, status("wamid.4")],
            ),
        )
    )

    assert [m.wamid for m in messages_in(read)] == ["wamid.1", "wamid.2"]
    assert [s.wamid for s in statuses_in(read)] == ["wamid.3", "wamid.4"]
    assert len(read.problems) == 4


def test_an_item_nested_too_deeply_costs_none_of_its_siblings():
    deep: Any = "x"
    for _ in range(900):
        deep = [deep]

    read = parse(message_body(message("wamid.1", odd=deep), message("wamid.2")))

    assert messages_in(read)[-1].wamid == "wamid.2"
    assert len(messages_in(read)) + len(read.problems) == 2


@pytest.mark.parametrize(
    ("wire", "stored"),
    [
        (rb"a\u0000b", "a\ufffdb"),
        (rb"a\ud83db", "a\ufffdb"),
        (rb"a\udc00\ud83d", "a\ufffd\ufffd"),
        (b"a\xed\xa0\xbdb", "a\ufffdb"),
        (rb"\ud83d\ude80", "🚀"),
        (rb"\\u0000 \\ud83d", r"\u0000 \ud83d"),
        ("🚀 क्षि".encode(), "🚀 क्षि"),
    ],
)
def test_what_postgresql_refuses_in_text_becomes_the_replacement_character(
    wire, stored
):
    raw = message_body(message(text={"body": "TEXT", "k\x00y": 1}))
    raw = raw.replace(b"TEXT", wire)

    read = only_message(raw)

    assert read.text == stored
    assert json.loads(read.payload)["text"] == {"body": stored, "k\ufffdy": 1}


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e400000"])
def test_a_number_that_is_none_becomes_null(number):
    raw = typed("location", {"latitude": "LAT", "longitude": 77.5})

    read = only_message(raw.replace(b'"LAT"', number))

    assert json.loads(read.payload)["location"]["latitude"] is None
