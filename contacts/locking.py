"""The lock that every writer of a tenant's identities takes before any row."""

from django.db import connection


def lock_register(tenant_id: int) -> None:
    """Hold the tenant's register of identities until the transaction ends.

    Take it before rows of contacts, and those in the order of their ids: then nobody
    waits in a circle.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"contacts of tenant {tenant_id}"],
        )
