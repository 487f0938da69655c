"""Whose secret signed a body: HMAC-SHA256 over the exact bytes, as Meta makes it."""

import hashlib
import hmac
import logging
import time
from dataclasses import dataclass, field

from django.conf import settings

from messaging.routing import APP
from tenants.models import WhatsAppNumber

logger = logging.getLogger(__name__)

_PREFIX = "sha256="
# The secrets of numbers are encrypted in their table: read once, used for a while. A
# signature none of them made has them read again, though not by every forged post.
_KEEP_SECONDS = 30.0
_REREAD_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _NumberSecrets:
    """Secret and phone_number_id of every number with an app of its own."""

    secrets: tuple[tuple[bytes, str], ...] = field(repr=False)
    read_at: float


_kept: _NumberSecrets | None = None


def signer_of(*, body: bytes, signature: str) -> str | None:
    """Return whose secret signed the body: "app", a phone_number_id, or nobody's.

    Raises django.db.Error when the numbers' secrets are needed and cannot be read.
    """
    if not signature.startswith(_PREFIX):
        return None
    claimed = signature.removeprefix(_PREFIX).encode()
    for secret in settings.WHATSAPP_APP_SECRET:
        if _signed(body, claimed, secret=secret.encode()):
            return APP
    return _signer_among_numbers(body, claimed)


def forget_number_secrets() -> None:
    """Have the numbers' secrets read anew, before their time is over."""
    global _kept
    _kept = None


def _signer_among_numbers(body: bytes, claimed: bytes) -> str | None:
    kept = _kept
    if kept and time.monotonic() - kept.read_at < _KEEP_SECONDS:
        signer = _first_signer(body, claimed, kept)
        if signer or time.monotonic() - kept.read_at < _REREAD_SECONDS:
            return signer
    return _first_signer(body, claimed, _read_number_secrets())


def _first_signer(body: bytes, claimed: bytes, kept: _NumberSecrets) -> str | None:
    for secret, phone_number_id in kept.secrets:
        if _signed(body, claimed, secret=secret):
            return phone_number_id
    return None


def _signed(body: bytes, claimed: bytes, *, secret: bytes) -> bool:
    # An empty secret is one nobody has set; its signatures could be made by anybody.
    expected = hmac.new(secret, body, hashlib.sha256).hexdigest().encode()
    return bool(secret) and hmac.compare_digest(expected, claimed)


def _read_number_secrets() -> _NumberSecrets:
    global _kept
    secrets: dict[bytes, str] = {}
    rows = WhatsAppNumber.objects.exclude(app_secret="").order_by("id")
    for secret, phone_number_id in rows.values_list("app_secret", "phone_number_id"):
        secrets.setdefault(secret.encode(), phone_number_id)
    _kept = _NumberSecrets(tuple(secrets.items()), time.monotonic())
    return _kept
