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
    newest = Fernet(settings.FIELD_ENCRYPTION_KEYS[0])
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("SELECT id FROM {table} WHERE {column} <> '' ORDER BY id").format(
                **names
            )
        )
        ids = [row_id for (row_id,) in cursor.fetchall()]
        for row_id in ids:
            with transaction.atomic():
                # Past the model's field, which shows plain text only.
                cursor.execute(
                    sql.SQL(
                        "SELECT {column} FROM {table} WHERE id = %s FOR NO KEY UPDATE"
                    ).format(**names),
                    [row_id],
                )
                row = cursor.fetchone()
                if row is None or not row[0]:
                    continue
                rotation.secrets += 1
                token = row[0].encode()
                if _reads(newest, token):
                    continue
                try:
                    anew = fernet().rotate(token)
                except InvalidToken:
                    rotation.unreadable.append(
                        f"{model._meta.db_table}.{column} of row {row_id}"
                    )
                    continue
                rotation.rotated += 1
                if not dry_run:
                    cursor.execute(
                        sql.SQL(
                            "UPDATE {table} SET {column} = %s WHERE id = %s"
                        ).format(**names),
                        [anew.decode(), row_id],
                    )


def _reads(cipher: Fernet, token: bytes) -> bool:
    try:
        cipher.decrypt(token)
    except InvalidToken:
        return False
    return True
