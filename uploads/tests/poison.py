"""Lines that the database refuses, so that a part cannot be loaded."""

from django.db import connection


def forbid_line(number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE customers ADD CONSTRAINT poison"
            f" CHECK (row_number <> {number})"
        )


def allow_all_lines() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE customers DROP CONSTRAINT poison")
