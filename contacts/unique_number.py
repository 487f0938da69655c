"""The index that keeps a number to one contact of a tenant.

A database brought over from the old service may lack it, and then hold duplicates.
"""

from django.db import connection

NAME = "contacts_tenant_id_phone_number_key"
STATEMENTS = (
    f"CREATE UNIQUE INDEX CONCURRENTLY {NAME} ON contacts (tenant_id, phone_number);",
    f"ALTER TABLE contacts ADD CONSTRAINT {NAME} UNIQUE USING INDEX {NAME};",
)


def has_unique_number() -> bool:
    """Tell whether PostgreSQL refuses a second contact with a tenant's number."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT EXISTS (
                SELECT FROM pg_index
                WHERE indrelid = 'contacts'::regclass
                    AND indisunique AND indisvalid AND indpred IS NULL
                    AND pg_get_indexdef(indexrelid) LIKE
                        '%%(tenant_id, phone_number)%%'
            )
            """
        )
        return bool(cursor.fetchone()[0])


def add_unique_number() -> None:
    """Add the constraint while others read and write; not within a transaction.

    Raises `IntegrityError` when a number still stands twice.
    """
    with connection.cursor() as cursor:
        # What an attempt that failed has left is invalid, and in the way.
        cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")
        for statement in STATEMENTS:
            cursor.execute(statement)
