from pathlib import Path

import pytest

from messaging.tests.bodies import (
    ASHA,
    ASHA_ID,
    body,
    change,
    message,
    message_body,
    person,
)
from messaging.tests.reading import (
    messages_in,
    only_message,
)
from messaging.whatsapp import (
    IdentityChange,
    Person,
    parse,
)

PAYLOADS = Path(__file__).parent / "payloads"


@pytest.mark.parametrize(
    ("sender", "phone", "user_id"),
    [
        ({"from": ASHA}, ASHA, None),
        ({"from": f"+{ASHA}"}, ASHA, None),
        ({"from": int(ASHA)}, ASHA, None),
        ({"from": "+91 (98000) 00-101"}, ASHA, None),
        ({"from": "91\u00a098000 00101\n"}, ASHA, None),
        ({"from": "IN 77143 02958", "from_user_id": ASHA_ID}, None, ASHA_ID),
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
