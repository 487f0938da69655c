import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from messaging.tests.bodies import (
    ASHA,
    ASHA_ID,
    NOON,
    message,
    message_body,
    status,
    status_body,
)
from messaging.tests.reading import (
    messages_in,
    only_message,
    statuses_in,
    typed,
)
from messaging.whatsapp import (
    parse,
)

PAYLOADS = Path(__file__).parent / "payloads"


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        ("image", {"id": "1", "caption": "Broken seal"}, "Broken seal"),
        ("video", {"id": "1", "caption": "unboxing"}, "unboxing"),
        ("audio", {"id": "1", "voice": True}, ""),
        ("document", {"id": "1", "filename": "../bill.pdf"}, "../bill.pdf"),
        ("sticker", {"id": "1", "animated": False}, ""),
        ("location", {"latitude": 12.9, "longitude": 77.5}, "12.9, 77.5"),
        ("location", {"latitude": "-12.97", "longitude": "77"}, "-12.97, 77"),
        ("location", {"name": "Shop", "address": "MG Rd"}, "Shop, MG Rd"),
        ("contacts", [{"name": {"formatted_name": "Ira Das"}}], "Ira Das"),
        ("contacts", [{"name": {"first_name": "Ira", "last_name": "D"}}], "Ira D"),
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
        ("location", {"latitude": "here", "longitude": "there"}),
        ("location", {"latitude": True, "longitude": 77.5}),
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
        (f" {NOON}\n", datetime(2026, 11, 21, 14, tzinfo=UTC)),
        (f"{NOON}.5", datetime(2026, 11, 21, 14, 0, 0, 500000, tzinfo=UTC)),
        (f"{NOON}250", datetime(2026, 11, 21, 14, 0, 0, 250000, tzinfo=UTC)),
        ("99999999999999999999", None),
        (10**300, None),
        (10**400, None),
        (-(10**400), None),
        (1e308, None),
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
