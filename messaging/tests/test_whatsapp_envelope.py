import json
from pathlib import Path
from typing import Any

import pytest

from messaging.tests.bodies import (
    body,
    change,
    envelope,
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
            message_body(message(id="w" * 2_049)),
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
    "phone_number_id", [["114620538274910"], None, True, -1, "", "११", "1" * 33]
)
def test_a_change_for_no_particular_number_is_a_problem(phone_number_id):
    read = parse(message_body(message(), phone_number_id=phone_number_id))

    assert read.changes == ()
    assert [problem.where for problem in read.problems] == [
        "entry[0].changes[0].value.metadata.phone_number_id"
    ]


def test_ids_that_lost_their_quotes_are_the_same_ids():
    read = parse(message_body(message(id=131), phone_number_id=114620538274910))

    assert read.changes[0].phone_number_id == "114620538274910"
    assert only_message(message_body(message(id=131))).wamid == "131"


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
