"""Text that is stored encrypted: app secrets and access tokens."""

from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models


class UnreadableSecret(Exception):
    """A stored secret was encrypted under a key that FIELD_ENCRYPTION_KEYS lacks."""


def fernet() -> MultiFernet:
    """Return the cipher: the first key encrypts, every key decrypts."""
    return MultiFernet([Fernet(key) for key in settings.FIELD_ENCRYPTION_KEYS])


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
        if not value:
            return value
        try:
            return fernet().decrypt(value.encode()).decode()
        except InvalidToken as exc:
            raise UnreadableSecret(
                "A stored secret cannot be read: add the key it was written with to "
                "FIELD_ENCRYPTION_KEYS, or enter the secret again."
            ) from exc
