"""Web, workers, Redis and PostgreSQL die under load; what was answered 200 is there."""

import hashlib
import hmac
import http.client
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from config.management.commands.start import HOST
from messaging.tests.bodies import (
    PHONE_NUMBER_ID,
    WABA_ID,
    message,
    message_body,
    person,
)
from tests.faults.system import SECRET, Faults, System, running, shuffled
from tests.processes import wait_until

PEOPLE = 20
_SENDERS = 4
# WhatsApp sends again what was not answered 200; it does so for seven days.
_AGAIN_SECONDS = 0.2

REGISTER = """
from tenants.models import WhatsAppNumber
WhatsAppNumber.objects.create(
    tenant_id=1, phone_number_id=sys.argv[1], waba_id=sys.argv[2])
"""


class Load:
    """Messages that keep coming; what was answered 200 is noted."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.stopped = threading.Event()
        self.accepted: list[str] = []
        self.refused = 0

    def send_for_ever(self, sender: int) -> None:
        number = 0
        while not self.stopped.is_set():
            number += 1
            wamid = f"wamid.{sender}.{number}"
            body = body_of(wamid, person_number=number % PEOPLE)
            while not self.is_accepted(body):
                self.refused += 1
                if self.stopped.wait(_AGAIN_SECONDS):
                    return
            self.accepted.append(wamid)
            if number % 10 == 0:
                self.is_accepted(body)  # WhatsApp redelivers what it sent before

    def is_accepted(self, body: bytes) -> bool:
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        client = http.client.HTTPConnection(HOST, self.port, timeout=30)
        try:
            client.request(
                "POST",
                "/webhooks/whatsapp/",
                body=body,
                headers={"X-Hub-Signature-256": f"sha256={digest}"},
            )
            status = client.getresponse().status
        except (OSError, http.client.HTTPException):
            return False
        finally:
            client.close()
        assert status in (200, 503)
        return status == 200


def body_of(wamid: str, *, person_number: int) -> bytes:
    phone = f"9198000{person_number:05}"
    return message_body(
        message(wamid, **{"from": phone}), contacts=[person(phone, f"P{person_number}")]
    )


@contextmanager
def load_on(system: System) -> Iterator[Load]:
    load = Load(system.port)
    senders = [
        threading.Thread(target=load.send_for_ever, args=(sender,), daemon=True)
        for sender in range(_SENDERS)
    ]
    for sender in senders:
        sender.start()
    try:
        yield load
    finally:
        load.stopped.set()
        for sender in senders:
            sender.join(60)


def check(*, faults: Faults, seed: int) -> None:
    dice = random.Random(seed)
    with running("web", "messages") as system:
        system.script(REGISTER, PHONE_NUMBER_ID, WABA_ID)
        with load_on(system) as load:
            for what in faults:
                before = len(load.accepted)
                wait_until(
                    lambda before=before: len(load.accepted) > before + 20,
                    what="accepting again",
                )
                time.sleep(dice.uniform(0, 0.5))
                system.disturb(what, dice)
            after = len(load.accepted)
            wait_until(lambda: len(load.accepted) > after + 20, what="accepting again")
        wait_until(lambda: not waiting(system), what="drained")

        stored = system.rows("SELECT wamid FROM chat_messages")
        kept = {wamid for (wamid,) in stored}
        assert not set(load.accepted) - kept, f"seed {seed}"
        assert len(stored) == len(kept)
        assert system.rows("SELECT count(*) FROM contacts") == [(PEOPLE,)]
        # Each message counts once, however often it came.
        assert system.rows(
            "SELECT id FROM contacts WHERE message_count <> (SELECT count(*) FROM"
            " chat_messages WHERE contact_id = contacts.id)"
        ) == []  # fmt: skip
        assert system.rows(
            "SELECT status, error FROM webhook_events WHERE status <> 'processed'"
        ) == []  # fmt: skip


def waiting(system: System) -> int:
    ((count,),) = system.rows(
        "SELECT count(*) FROM webhook_events WHERE status = 'pending'"
    )
    return int(count)


def test_what_was_answered_200_is_there_once_whatever_is_killed() -> None:
    check(faults=["messages", "postgresql", "redis", "web"], seed=20261122)


@pytest.mark.faults
@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_answered_200_is_there_once_through_thirty_two_deaths(
    seed: int,
) -> None:
    faults = shuffled(random.Random(seed), web=8, messages=10, redis=8, postgresql=6)

    check(faults=faults, seed=seed)
