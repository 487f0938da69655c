"""Text that is stored encrypted: app secrets and access tokens."""

from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models
from django.db.models.functions import Cast


class UnreadableSecret(Exception):
    """A stored secret was encrypted under a key that FIELD_ENCRYPTION_KEYS lacks."""


def fernet() -> MultiFernet:
    """Return the cipher: the first key encrypts, every key decrypts."""
    return MultiFernet([Fernet(key) for key in settings.FIELD_ENCRYPTION_KEYS])


def decrypt(stored: str) -> str:
    """Return the text of a Fernet token, blank for blank.

    Raises `UnreadableSecret` where no key of FIELD_ENCRYPTION_KEYS reads it.
    """
    if not stored:
        return ""
    try:
        return fernet().decrypt(stored.encode()).decode()
    except InvalidToken as exc:
        raise UnreadableSecret(
            "A stored secret cannot be read: add the key it was written with to "
            "FIELD_ENCRYPTION_KEYS, or enter the secret again."
        ) from exc


def as_stored(name: str) -> Cast:
    """Return an encrypted column undecrypted: one unreadable row spoils no others."""
    return Cast(name, models.TextField())


class EncryptedTextField(models.TextField):  # type: ignore[type-arg] # not generic at run time
    """A text column that holds a Fernet token; blank stays blank.

    Reading it under a missing key raises `UnreadableSecret`, never returns ciphertext.
    """

    def deconstruct(self) -> Any:
        # To a migration it is text: migrations do not import live code.
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs

    def get_prep_value(self, value: Any) -> Any:
        plain = super().get_prep_value(value)
        return fernet().encrypt(plain.encode()).decode() if plain else plain

    def from_db_value(self, value: str | None, *_: object) -> str | None:
        return decrypt(value) if value else value
