"""One person out of a body, everybody else left in."""

import json
from typing import Any

import pytest

from messaging.tests.bodies import body, change, message, message_body, status_body
from messaging.whatsapp.redacting import without_person

OURS = "114620538274910"
ASHA, RAVI = "919800000101", "919800000102"


def without_asha(raw: bytes, *more: str, numbers: tuple[str, ...] = (OURS,)) -> Any:
    rest = without_person(raw, phone_number_ids=numbers, marks={ASHA, *more})
    return rest if rest is None or rest == raw else json.loads(rest)


def of(phone: str, wamid: str, **fields: Any) -> dict[str, Any]:
    return message(wamid, **{"from": phone}, **fields)


def test_a_body_that_is_all_theirs_goes_whole() -> None:
    raw = message_body(of(ASHA, "wamid.1"), contacts=[{"wa_id": ASHA}])

    assert without_asha(raw) is None


def test_a_body_that_does_not_name_them_stays_byte_for_byte() -> None:
    raw = message_body(of(RAVI, "wamid.1", text={"body": f"call {ASHA}"}))

    assert without_asha(raw) == raw


def test_of_two_people_in_one_body_the_other_stays() -> None:
    raw = message_body(
        of(ASHA, "wamid.1"),
        of(RAVI, "wamid.2"),
        contacts=[
            {"wa_id": ASHA, "profile": {"name": "Asha"}},
            {"wa_id": RAVI, "profile": {"name": "Ravi"}},
        ],
    )

    rest = without_asha(raw)

    (left,) = rest["entry"][0]["changes"]
    assert [one["id"] for one in left["value"]["messages"]] == ["wamid.2"]
    assert [one["wa_id"] for one in left["value"]["contacts"]] == [RAVI]
    assert ASHA not in json.dumps(rest)


def test_what_the_body_carries_for_another_tenant_stays() -> None:
    raw = body(
        change(messages=[of(ASHA, "wamid.1")]),
        change(messages=[of(ASHA, "wamid.2")], phone_number_id="120774539916042"),
    )

    rest = without_asha(raw)

    (left,) = rest["entry"][0]["changes"]
    assert left["value"]["messages"][0]["id"] == "wamid.2"


@pytest.mark.parametrize(
    "item",
    [
        pytest.param({"from": f"+{ASHA}", "id": "wamid.1"}, id="a plus"),
        pytest.param({"from_user_id": "IN.77", "id": "wamid.1"}, id="a user id"),
        pytest.param({"id": "wamid.theirs"}, id="a message id"),
        pytest.param({"id": "wamid.1", "to": ASHA}, id="sent to them"),
        pytest.param(
            {"id": "wamid.1", "system": {"wa_id": ASHA, "type": "x"}}, id="a note"
        ),
    ],
)
def test_an_item_is_theirs_by_whatever_names_them(item: dict[str, Any]) -> None:
    raw = body(change(messages=[item, of(RAVI, "wamid.2")]))

    rest = without_asha(raw, "IN.77", "wamid.theirs")

    left = rest["entry"][0]["changes"][0]["value"]["messages"]
    assert [one["id"] for one in left] == ["wamid.2"]


@pytest.mark.parametrize(
    "item",
    [
        pytest.param({"context": {"from": ASHA, "id": "wamid.1"}}, id="an answer"),
        pytest.param({"reaction": {"message_id": "wamid.theirs"}}, id="a reaction"),
        pytest.param(
            {"contacts": [{"phones": [{"wa_id": ASHA}]}]}, id="a card of theirs"
        ),
    ],
)
def test_what_somebody_else_said_about_them_stays(item: dict[str, Any]) -> None:
    raw = message_body(of(RAVI, "wamid.2", **item))

    assert without_asha(raw, "wamid.theirs") == raw


def test_delivery_reports_go_too() -> None:
    raw = status_body(
        {"id": "wamid.out", "status": "read", "recipient_id": ASHA},
        {"id": "wamid.out2", "status": "read", "recipient_id": RAVI},
    )

    rest = without_asha(raw)

    left = rest["entry"][0]["changes"][0]["value"]["statuses"]
    assert [one["recipient_id"] for one in left] == [RAVI]


def test_a_thread_of_the_phones_history_goes_whole() -> None:
    threads = [
        {"id": ASHA, "messages": [{"id": "wamid.1", "from": ASHA}]},
        {"id": RAVI, "messages": [{"id": "wamid.2", "from": RAVI}]},
    ]
    raw = body(change(field="history", history=[{"threads": threads}]))

    rest = without_asha(raw)

    (chunk,) = rest["entry"][0]["changes"][0]["value"]["history"]
    assert [thread["id"] for thread in chunk["threads"]] == [RAVI]


def test_a_body_that_cannot_be_read_goes() -> None:
    assert without_asha(b'{"from": "919800000101"') is None


@pytest.mark.parametrize("depth", [400, 700, 950, 100_000])
def test_a_body_however_deeply_nested_stays_or_goes(depth: int) -> None:
    raw = message_body(of(RAVI, "wamid.1", deep="here"))
    raw = raw.replace(b'"here"', b"[" * depth + b"]" * depth)

    rest = without_person(raw, phone_number_ids=[OURS], marks={ASHA})

    assert rest in (raw, None)
