"""Statuses, edits, revokes and late media, in whatever order they come."""

from itertools import permutations

import pytest

from contacts.models import Contact
from messaging.models import ChatMessage
from messaging.tests.bodies import (
    ASHA,
    NOON,
    body,
    change,
    echo,
    edit,
    message,
    message_body,
    revoke,
    status,
    status_body,
)
from messaging.tests.posting import deliver


def in_every_order(names: list[str]) -> list[tuple[str, ...]]:
    return list(permutations(names))


@pytest.mark.parametrize(
    "order", in_every_order(["echo", "sent", "delivered", "read"]), ids=" ".join
)
def test_a_status_never_moves_back_in_whatever_order_it_comes(number, order):
    bodies = {
        name: status_body(status("wamid.OUT", name))
        for name in ("sent", "delivered", "read")
    } | {"echo": echo("wamid.OUT")}

    for name in order:
        deliver(bodies[name])

    assert ChatMessage.objects.get().status == "read"


@pytest.mark.parametrize("order", in_every_order(["sent", "failed"]), ids=" ".join)
@pytest.mark.parametrize("echo_first", [True, False])
def test_a_failure_stands_against_a_late_sent(number, order, echo_first):
    statuses = [status_body(status("wamid.OUT", name)) for name in order]

    deliver(*([echo("wamid.OUT"), *statuses] if echo_first else statuses))
    deliver(echo("wamid.OUT"))

    assert ChatMessage.objects.get().status == "failed"


@pytest.mark.parametrize(
    "order", in_every_order(["message", "edit 1", "edit 2"]), ids=" ".join
)
def test_the_newest_edit_counts_in_whatever_order_it_comes(number, order):
    bodies = {
        "message": message_body(message("wamid.1", text={"body": "first"})),
        "edit 1": edit("wamid.1", "second", "wamid.E1", NOON + 60),
        "edit 2": edit("wamid.1", "third", "wamid.E2", NOON + 120),
    }

    for name in order:
        deliver(bodies[name])

    row = ChatMessage.objects.get(wamid="wamid.1")
    assert row.text == "third"
    assert row.edited_at is not None
    assert row.edited_at.timestamp() == NOON + 120
    assert row.payload["text"] == {"body": "first"}


@pytest.mark.parametrize("revoke_first", [True, False])
def test_a_revoked_message_is_marked_whichever_comes_first(number, revoke_first):
    bodies = [message_body(message("wamid.1")), revoke("wamid.1")]

    for raw in reversed(bodies) if revoke_first else bodies:
        deliver(raw)

    assert ChatMessage.objects.get(wamid="wamid.1").revoked_at is not None


def test_nobody_revokes_or_edits_the_message_of_somebody_else(number):
    deliver(message_body(message("wamid.1")))

    deliver(revoke("wamid.1", **{"from": "919800000999"}))

    assert ChatMessage.objects.get(wamid="wamid.1").revoked_at is None


@pytest.mark.parametrize("media_first", [True, False])
def test_late_media_of_the_history_take_the_place_of_their_placeholder(
    number, media_first
):
    outgoing = {"from": "919812340001", "to": ASHA}
    placeholder = message("wamid.1", **outgoing, type="media_placeholder")
    thread = {"id": ASHA, "messages": [placeholder]}
    image = message("wamid.1", **outgoing, type="image", image={"caption": "capa"})
    bodies = [
        body(change(field="history", history=[{"threads": [thread]}])),
        body(change(field="history", message_echoes=[image])),
    ]

    for raw in reversed(bodies) if media_first else bodies:
        deliver(raw)

    row = ChatMessage.objects.get()
    assert (row.kind, row.text) == ("image", "capa")
    assert Contact.objects.get().message_count == 1
