"""Find whose secret signed a body: HMAC-SHA256 over the exact bytes, as Meta makes it.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started#validate-payloads

Hundreds of numbers may have a secret of their own, and a forged body of 4 MB is signed
with none of them. So a body is hashed with the app's secrets and with those of the
numbers that it names; with all others too, since a body need not name any, but in a
lane of its own, for which no other post waits.
"""

import asyncio
import hmac
import logging
import os
import re
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError, connection

from messaging.routing import APP
from tenants.encryption import UnreadableSecret, as_stored, decrypt
from tenants.models import WhatsAppNumber

logger = logging.getLogger(__name__)

_SIGNATURE = re.compile(r"\Asha256=([0-9a-f]{64})\Z")
# `metadata.phone_number_id`, and `entry[].id`, which is the WhatsApp Business Account.
_NAMED = re.compile(rb'"(?:phone_number_)?id"\s{0,8}+:\s{0,8}+"([0-9]{1,32}+)"')
_NAMES_WITHIN_BYTES = 16 * 1024
_MAX_NAMES = 20
# Numbers of one app share its secret; a body comes from one app.
_MAX_NAMED_SECRETS = 4
# The secrets of numbers are encrypted in their table: read once, used for a while. A
# signature none of them made has them read again, though not by every forged post.
_KEEP_SECONDS = 30.0
_REREAD_SECONDS = 1.0
# Meta is answered within five seconds, whatever has to be waited for.
_WAIT_SECONDS = 4.0
# Hashing more than this (a body, times the secrets that it may be signed with) would
# hold up the event loop; OpenSSL hashes it beside the loop, in a thread.
_HASHED_AT_ONCE_BYTES = 1024 * 1024
_NICENESS = 10

_Secret = tuple[bytes, str]  # and whose it is


def _lower_priority(niceness: int) -> None:
    """Let other threads go first; on Linux each has a priority of its own."""
    if niceness:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)


class SignerUnknown(DatabaseError):
    """Whose secret it was could not be found out in time; Meta sends the body again."""


@dataclass(frozen=True, slots=True)
class _NumberSecrets:
    """The secrets of all numbers with an app of their own, each once."""

    secrets: tuple[_Secret, ...] = field(repr=False)
    # By phone_number_id and by the id of the WhatsApp Business Account.
    by_name: Mapping[bytes, Sequence[_Secret]] = field(repr=False)
    read_at: float
    # Numbers whose secret is written with a key that nobody gave us.
    unreadable: frozenset[str]


class _Lane:
    """Threads that hash, and how many bodies may wait for them."""

    def __init__(self, *, threads: int, max_waiting: int, niceness: int = 0) -> None:
        self.max_bodies = threads + max_waiting
        self.bodies = 0
        self.executor = ThreadPoolExecutor(
            threads,
            thread_name_prefix="signature",
            initializer=_lower_priority,
            initargs=(niceness,),
        )

    async def find(
        self, body: bytes, claimed: bytes, secrets: Sequence[_Secret]
    ) -> str | None:
        """Hash in a thread; raises `SignerUnknown` when it would take too long."""
        if self.bodies >= self.max_bodies:
            raise SignerUnknown("Too many bodies are to be hashed.")
        self.bodies += 1
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(
                    self.executor, _signer_among, body, claimed, secrets
                )
        except TimeoutError as exc:
            raise SignerUnknown("It took too long to hash the body.") from exc
        finally:
            self.bodies -= 1


_kept: _NumberSecrets | None = None
_reading: "asyncio.Task[_NumberSecrets] | None" = None
_large_bodies = _Lane(threads=2, max_waiting=30)
_unnamed_secrets = _Lane(threads=1, max_waiting=7, niceness=_NICENESS)


async def find_signer(*, body: bytes, signature: str) -> str | None:
    """Return whose secret signed the body: "app", a phone_number_id, or None.

    Raises django.db.Error when the numbers' secrets are needed and cannot be read, or
    when too much else is to be hashed.
    """
    stated = _SIGNATURE.match(signature)
    if stated is None:
        return None
    claimed = stated[1].encode()
    app_secrets = [(secret.encode(), APP) for secret in settings.WHATSAPP_APP_SECRET]
    if signer := await _first_signer(body, claimed, app_secrets):
        return signer
    kept = _kept
    if kept is None or time.monotonic() - kept.read_at >= _KEEP_SECONDS:
        return await _signer_of_numbers(body, claimed, await _read_once())
    if signer := await _signer_of_numbers(body, claimed, kept):
        return signer
    if time.monotonic() - kept.read_at < _REREAD_SECONDS:
        return None
    anew = await _read_once()
    if anew.secrets == kept.secrets:
        return None
    return await _signer_of_numbers(body, claimed, anew)


def forget_number_secrets() -> None:
    """Have the numbers' secrets read anew, before their time is over."""
    global _kept
    _kept = None


async def _signer_of_numbers(
    body: bytes, claimed: bytes, known: _NumberSecrets
) -> str | None:
    """Try the secrets of the numbers that the body names, then all others."""
    named: dict[bytes, str] = {}
    for name in _names_in(body):
        named.update(known.by_name.get(name, ()))
    first = tuple(named.items())[:_MAX_NAMED_SECRETS]
    if signer := await _first_signer(body, claimed, first):
        return signer
    others = [secret for secret in known.secrets if secret not in first]
    if len(body) * len(others) <= _HASHED_AT_ONCE_BYTES:
        return _signer_among(body, claimed, others)
    return await _unnamed_secrets.find(body, claimed, others)


def _names_in(body: bytes) -> Iterable[bytes]:
    for count, named in enumerate(_NAMED.finditer(body, 0, _NAMES_WITHIN_BYTES)):
        if count == _MAX_NAMES:
            return
        yield named[1]


async def _first_signer(
    body: bytes, claimed: bytes, secrets: Sequence[_Secret]
) -> str | None:
    if len(body) * len(secrets) <= _HASHED_AT_ONCE_BYTES:
        return _signer_among(body, claimed, secrets)
    return await _large_bodies.find(body, claimed, secrets)


def _signer_among(
    body: bytes, claimed: bytes, secrets: Sequence[_Secret]
) -> str | None:
    for secret, signer in secrets:
        # An empty secret is one nobody has set: its signatures could be anybody's.
        if not secret:
            continue
        expected = hmac.digest(secret, body, "sha256").hex().encode()
        if hmac.compare_digest(expected, claimed):
            return signer
    return None


async def _read_once() -> _NumberSecrets:
    """Read the secrets, once for all posts that need them at this moment."""
    global _reading
    is_ours = _reading and _reading.get_loop() is asyncio.get_running_loop()
    if _reading is None or not is_ours or _reading.done():
        _reading = asyncio.ensure_future(sync_to_async(_read_number_secrets)())
    try:
        return await asyncio.wait_for(asyncio.shield(_reading), _WAIT_SECONDS)
    except TimeoutError as exc:
        raise SignerUnknown("The numbers' secrets were not read in time.") from exc


def _read_number_secrets() -> _NumberSecrets:
    global _kept
    secrets: dict[bytes, str] = {}
    by_name: dict[bytes, list[_Secret]] = {}
    unreadable: set[str] = set()
    rows = WhatsAppNumber.objects.exclude(app_secret="").order_by("id")
    try:
        for stored, number_id, account_id in rows.values_list(
            as_stored("app_secret"), "phone_number_id", "waba_id"
        ):
            try:
                secret = decrypt(stored).encode()
            except UnreadableSecret:
                unreadable.add(number_id)
                continue
            signer = secrets.setdefault(secret, number_id)
            for name in {number_id.encode(), account_id.encode()}:
                by_name.setdefault(name, []).append((secret, signer))
    finally:
        if not connection.in_atomic_block:  # a server's thread: back into the pool
            connection.close()
    if unreadable and (_kept is None or _kept.unreadable != unreadable):
        logger.error(
            "App secrets that cannot be read, of the numbers with phone_number_id %s: "
            "posts that they sign are refused. Add the key they were written with to "
            "FIELD_ENCRYPTION_KEYS, or enter them again.",
            ", ".join(sorted(unreadable)),
        )
    _kept = _NumberSecrets(
        tuple(secrets.items()), by_name, time.monotonic(), frozenset(unreadable)
    )
    return _kept
