"""Whose secret signed a body, and what a forged one costs others."""

import asyncio
import json

import pytest
from cryptography.fernet import Fernet

from config.tests.asgi_client import on_an_event_loop
from messaging.tests.posting import signature
from messaging.webhook.signature import (
    SignerUnknown,
    find_signer,
    forget_number_secrets,
)
from tenants.tests.factories import WhatsAppNumberFactory

pytestmark = pytest.mark.django_db(transaction=True)

FORGED = "sha256=" + "0" * 64
LARGE = b" " * 4 * 2**20


@pytest.fixture
def numbers() -> list[str]:
    """Make numbers of apps of their own; return their phone_number_ids."""
    return [
        WhatsAppNumberFactory.create(app_secret=f"secret {n}").phone_number_id
        for n in range(60)
    ]


def body_of(*phone_number_ids: str, size: int = 0) -> bytes:
    changes = [
        {"value": {"metadata": {"phone_number_id": one}}} for one in phone_number_ids
    ]
    return json.dumps({"entry": [{"changes": changes}], "text": "x" * size}).encode()


async def signer_of(body: bytes, secret: str) -> str | None:
    return await find_signer(body=body, signature=signature(body, secret))


@pytest.mark.parametrize("size", [0, 2 * 2**20], ids=["small", "large"])
@on_an_event_loop
async def test_a_body_is_known_by_the_number_that_it_names_or_by_none(numbers, size):
    named, unnamed = body_of(numbers[7], size=size), body_of(size=size)

    assert await signer_of(named, "secret 7") == numbers[7]
    assert await signer_of(unnamed, "secret 59") == numbers[59]
    # It names one number and is signed by another: the processing refuses it, told who.
    assert await signer_of(named, "secret 8") == numbers[8]
    assert await signer_of(named, "secret 60") is None


@on_an_event_loop
async def test_a_body_is_known_by_its_business_account():
    own = await asyncio.to_thread(
        lambda: WhatsAppNumberFactory.create(app_secret="its own", waba_id="1092837465")
    )
    body = b'{"entry": [{"id" : "1092837465", "changes": []}]}'

    assert await signer_of(body, "its own") == own.phone_number_id


@on_an_event_loop
async def test_forged_bodies_wait_for_each_other_and_no_genuine_one_for_them(numbers):
    genuine = body_of(numbers[3], size=2 * 2**20)
    await signer_of(b"{}", "secret 0")  # the secrets are read
    forged = [
        asyncio.ensure_future(find_signer(body=LARGE, signature=FORGED))
        for _ in range(10)
    ]
    await asyncio.sleep(0)

    assert await signer_of(genuine, "secret 3") == numbers[3]
    assert not all(task.done() for task in forged)

    answers = await asyncio.gather(*forged, return_exceptions=True)
    assert {type(answer) for answer in answers} == {type(None), SignerUnknown}


@on_an_event_loop
async def test_a_body_that_names_everybody_is_tried_with_few_at_once(numbers):
    body = body_of(*numbers, size=2 * 2**20)

    assert await signer_of(body, "secret 0") == numbers[0]
    assert await signer_of(body, "secret 59") == numbers[59]


@pytest.mark.parametrize(
    "header",
    ["sha256=" + "0" * 63, "sha256=" + "0" * 65, "sha256=" + "A" * 64, "sha256=" + "é"],
)
@on_an_event_loop
async def test_what_is_no_signature_is_not_tried(header):
    assert await find_signer(body=LARGE, signature=header) is None


@on_an_event_loop
async def test_an_unreadable_secret_leaves_the_posts_of_all_others(settings, caplog):
    def make_numbers() -> tuple[str, str]:
        lost = WhatsAppNumberFactory.create(app_secret="lost")
        settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
        good = WhatsAppNumberFactory.create(app_secret="good")
        return lost.phone_number_id, good.phone_number_id

    lost, good = await asyncio.to_thread(make_numbers)

    signers = [await signer_of(body_of(good), "good") for _ in range(2)]
    forget_number_secrets()
    signers.append(await signer_of(body_of(good), "good"))

    assert signers == [good] * 3
    assert await signer_of(body_of(lost), "lost") is None
    told = [one.getMessage() for one in caplog.records if lost in one.getMessage()]
    assert told
    assert "FIELD_ENCRYPTION_KEYS" in told[0]
