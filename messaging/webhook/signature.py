"""Find whose secret signed a body: HMAC-SHA256 over the exact bytes, as Meta makes it.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started#validate-payloads
"""

import asyncio
import hmac
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError, connection

from messaging.routing import APP
from tenants.models import WhatsAppNumber

logger = logging.getLogger(__name__)

_PREFIX = "sha256="
# The secrets of numbers are encrypted in their table: read once, used for a while. A
# signature none of them made has them read again, though not by every forged post.
_KEEP_SECONDS = 30.0
_REREAD_SECONDS = 1.0
# Meta is answered within five seconds, whether the table can be read or not.
_READ_SECONDS = 4.0
# Hashing more than this (a body, times the secrets that it may be signed with) would
# hold up the event loop for a millisecond; OpenSSL hashes beside it in a thread.
_HASHED_AT_ONCE_BYTES = 256 * 1024


class SecretsUnreadable(DatabaseError):
    """The numbers' secrets could not be read in time."""


@dataclass(frozen=True, slots=True)
class _NumberSecrets:
    """Secret and phone_number_id of every number with an app of its own."""

    secrets: tuple[tuple[bytes, str], ...] = field(repr=False)
    read_at: float


_kept: _NumberSecrets | None = None
# Two, not as many as there are posts: forged ones may not take every core.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="signature")
_reading: "asyncio.Task[_NumberSecrets] | None" = None


async def find_signer(*, body: bytes, signature: str) -> str | None:
    """Return whose secret signed the body: "app", a phone_number_id, or None.

    Raises django.db.Error when the numbers' secrets are needed and cannot be read.
    """
    if not signature.startswith(_PREFIX):
        return None
    claimed = signature.removeprefix(_PREFIX).encode()
    app_secrets = [(secret.encode(), APP) for secret in settings.WHATSAPP_APP_SECRET]
    if signer := await _first_signer(body, claimed, app_secrets):
        return signer
    kept = _kept
    if kept and time.monotonic() - kept.read_at < _KEEP_SECONDS:
        signer = await _first_signer(body, claimed, kept.secrets)
        if signer or time.monotonic() - kept.read_at < _REREAD_SECONDS:
            return signer
    kept = await _read_once()
    return await _first_signer(body, claimed, kept.secrets)


def forget_number_secrets() -> None:
    """Have the numbers' secrets read anew, before their time is over."""
    global _kept
    _kept = None


async def _first_signer(
    body: bytes, claimed: bytes, secrets: Sequence[tuple[bytes, str]]
) -> str | None:
    if len(body) * len(secrets) <= _HASHED_AT_ONCE_BYTES:
        return _signer_among(body, claimed, secrets)
    return await asyncio.get_running_loop().run_in_executor(
        _threads, _signer_among, body, claimed, secrets
    )


def _signer_among(
    body: bytes, claimed: bytes, secrets: Sequence[tuple[bytes, str]]
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
    if _reading is None or _reading.done():
        _reading = asyncio.ensure_future(sync_to_async(_read_number_secrets)())
    try:
        return await asyncio.wait_for(asyncio.shield(_reading), _READ_SECONDS)
    except TimeoutError as exc:
        raise SecretsUnreadable("The numbers' secrets were not read in time.") from exc


def _read_number_secrets() -> _NumberSecrets:
    global _kept
    secrets: dict[bytes, str] = {}
    rows = WhatsAppNumber.objects.exclude(app_secret="").order_by("id")
    try:
        for secret, number_id in rows.values_list("app_secret", "phone_number_id"):
            secrets.setdefault(secret.encode(), number_id)
    finally:
        if not connection.in_atomic_block:  # a server's thread: back into the pool
            connection.close()
    _kept = _NumberSecrets(tuple(secrets.items()), time.monotonic())
    return _kept
