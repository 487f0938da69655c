"""Bring every stored secret under the newest key of FIELD_ENCRYPTION_KEYS."""

from dataclasses import dataclass, field

from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Model
from psycopg import sql

from tenants.encryption import EncryptedTextField, fernet


@dataclass(slots=True)
class Rotation:
    """How many secrets there are, how many were written anew, whom no key reads."""

    secrets: int = 0
    rotated: int = 0
    unreadable: list[str] = field(default_factory=list)


def rotate_keys(*, dry_run: bool = False) -> Rotation:
    """Write anew what is under an older key, row by row; it may be run again.

    What no key reads stays as it is and is named in the answer.
    """
    rotation = Rotation()
    for model in apps.get_models():
        for column in model._meta.local_concrete_fields:
            if isinstance(column, EncryptedTextField):
                _rotate_column(rotation, model, column.column, dry_run)
    return rotation


def _rotate_column(
    rotation: Rotation, model: type[Model], column: str, dry_run: bool
) -> None:
    names = {
        "table": sql.Identifier(model._meta.db_table),
        "column": sql.Identifier(column),
    }
    stored = sql.SQL("SELECT id FROM {table} WHERE {column} <> '' ORDER BY id")
    # Past the model's field, which shows plain text only.
    read = sql.SQL("SELECT {column} FROM {table} WHERE id = %s FOR NO KEY UPDATE")
    write = sql.SQL("UPDATE {table} SET {column} = %s WHERE id = %s")
    with connection.cursor() as cursor:
        cursor.execute(stored.format(**names))
        for (row_id,) in cursor.fetchall():
            with transaction.atomic():
                cursor.execute(read.format(**names), [row_id])
                row = cursor.fetchone()
                if row is None or not row[0]:
                    continue  # it went, or its secret did
                name = f"{model._meta.db_table}.{column} of row {row_id}"
                anew = _rotate(rotation, row[0].encode(), name)
                if anew and not dry_run:
                    cursor.execute(write.format(**names), [anew.decode(), row_id])


def _rotate(rotation: Rotation, token: bytes, name: str) -> bytes | None:
    """Return a secret under the newest key; None if it is, or cannot be read."""
    rotation.secrets += 1
    if _reads(Fernet(settings.FIELD_ENCRYPTION_KEYS[0]), token):
        return None
    try:
        anew = fernet().rotate(token)
    except InvalidToken:
        rotation.unreadable.append(name)
        return None
    rotation.rotated += 1
    return anew


def _reads(cipher: Fernet, token: bytes) -> bool:
    try:
        cipher.decrypt(token)
    except InvalidToken:
        return False
    return True
