"""What merging in sets is worth, at a million contacts, against group by group."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from contacts.deduplicating import merge_groups
from contacts.duplicates import find_duplicates
from contacts.models import ContactMerge
from contacts.unmerging import undo_merge
from tenants.models import Tenant, WhatsAppNumber

GROUPS_SINGLY = 300

_DATABASE = "bench_dedupe"
_TENANT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Deduped:
    """What came of it; `ratio` is how many times as long each merge took singly.

    The seconds of Python and PostgreSQL are those of the processor.
    """

    merged: int
    seconds: float
    python_seconds: float
    postgresql_seconds: float
    ratio: float
    orphans: int
    miscounted: int
    undo_was_exact: bool


def measure(*, contacts: int) -> Deduped:
    """Merge the duplicates, a fifth, of a big tenant in a database of its own."""
    with _own_database():
        _fill(contacts=contacts, duplicates=contacts // 5, messages=contacts * 2)
        groups = find_duplicates(tenant_id=_TENANT)
        # Not the sample's: its group is to be merged in the sets.
        before = _rows_of(groups[-1].contact_ids)
        began_at = time.perf_counter()
        singly_merged = groups[: min(GROUPS_SINGLY, len(groups) // 2)]
        for group in singly_merged:
            list(merge_groups(tenant_id=_TENANT, groups=[group], now=timezone.now()))
        singly = (time.perf_counter() - began_at) / len(singly_merged)
        merged_singly = ContactMerge.objects.count()
        began_at, began_cpu = time.perf_counter(), time.process_time()
        began_backend = _backend_seconds()
        call_command("dedupe_contacts", "--apply", stdout=StringIO())
        seconds = time.perf_counter() - began_at
        python_seconds = time.process_time() - began_cpu
        postgresql_seconds = _backend_seconds() - began_backend
        merged = ContactMerge.objects.count() - merged_singly
        orphans, miscounted = _orphans(), _miscounted()
        merge = ContactMerge.objects.get(merged_contact_id=groups[-1].merged_ids[0])
        undo_merge(
            merge_id=merge.pk, tenant_id=_TENANT, undone_by=None, now=timezone.now()
        )
        return Deduped(
            merged=merged,
            seconds=seconds,
            python_seconds=python_seconds,
            postgresql_seconds=postgresql_seconds,
            ratio=singly / (seconds / merged),
            orphans=orphans,
            miscounted=miscounted,
            undo_was_exact=_rows_of(groups[-1].contact_ids) == before,
        )


def report(found: Deduped) -> Iterator[str]:
    """Yield the lines to print."""
    yield ""
    yield f"{'Duplicate contacts merged':<30}{'merged':>10}{'seconds':>9}  reach"
    yield (
        f"{'in sets':<30}{found.merged:>10,}{found.seconds:>9.1f}"
        "  30 s for 200,000 of 1,000,000"
    )
    yield f"group by group / in sets, each: {found.ratio:.1f}"
    yield (
        f"processor: Python {found.python_seconds:.1f} s, "
        f"PostgreSQL {found.postgresql_seconds:.1f} s"
    )
    yield (
        f"orphans {found.orphans}, wrong counters {found.miscounted}, "
        f"one undone {'exactly' if found.undo_was_exact else 'NOT EXACTLY'}"
    )


@contextmanager
def _own_database() -> Iterator[None]:
    name = connection.settings_dict["NAME"]
    _run(f"DROP DATABASE IF EXISTS {_DATABASE}")
    _run(f"CREATE DATABASE {_DATABASE}")
    _connect_to(_DATABASE)
    try:
        call_command("migrate", verbosity=0)
        yield
    finally:
        _connect_to(name)
        _run(f"DROP DATABASE {_DATABASE}")


def _connect_to(name: str) -> None:
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's has one
    connection.settings_dict["NAME"] = name


def _fill(*, contacts: int, duplicates: int, messages: int) -> None:
    """Make a tenant as the old service left them: no unique index, numbers twice.

    Three quarters of the duplicates show the same number, the others another spelling
    of it. Whoever was first has an identity.
    """
    tenant, _ = Tenant.objects.get_or_create(pk=_TENANT)
    number = WhatsAppNumber.objects.create(tenant=tenant, phone_number_id="777")
    people = contacts - duplicates
    spelled_from = duplicates * 3 // 4
    _run("ALTER TABLE contacts DROP CONSTRAINT contacts_tenant_id_phone_number_key")
    _run("SET session_replication_role = replica")  # made to fit: no need to check
    _run(
        """
        INSERT INTO contacts (id, tenant_id, phone_number, name, name_source,
            profile_name, profile_name_at, message_count, first_message_at,
            last_message_at, created_at, updated_at)
        SELECT id, 1, CASE
                WHEN person NOT BETWEEN %(spelled_from)s + 1 AND %(duplicates)s
                    THEN (917000000000 + person)::text
                WHEN id = person THEN '551198' || lpad(person::text, 7, '0')
                ELSE '55118' || lpad(person::text, 7, '0')
            END,
            'Person ' || id, 'profile', 'Person ' || id, first_at,
            %(messages)s / %(contacts)s, first_at,
            first_at + (%(messages)s - %(contacts)s) * interval '1 second',
            first_at, first_at
        FROM (
            SELECT id, CASE WHEN id > %(people)s THEN id - %(people)s ELSE id END
                    AS person,
                timestamptz '2026-01-01 00:00Z' + id * interval '1 second' AS first_at
            FROM generate_series(1, %(contacts)s) AS id
        ) AS each
        """,
        contacts=contacts,
        people=people,
        duplicates=duplicates,
        spelled_from=spelled_from,
        messages=messages,
    )
    _run(
        """
        INSERT INTO contact_identities (tenant_id, kind, value, contact_id, seen_at)
        SELECT 1, 'phone', phone_number, id, last_message_at FROM contacts
        WHERE id <= %(people)s
        """,
        people=people,
    )
    _run(
        """
        INSERT INTO chat_messages (tenant_id, whatsapp_number_id, contact_id, wamid,
            direction, kind, text, sent_at)
        SELECT 1, %(number)s, n %% %(contacts)s + 1, 'wamid.' || n, 'inbound', 'text',
            'Hi, I paid the instalment of this month yesterday.',
            timestamptz '2026-01-01 00:00:01Z' + n * interval '1 second'
        FROM generate_series(0, %(messages)s - 1) AS n
        """,
        number=number.pk,
        contacts=contacts,
        messages=messages,
    )
    _run("SET session_replication_role = DEFAULT")
    for table in ("contacts", "contact_identities", "chat_messages"):
        _run(f"VACUUM ANALYZE {table}")


def _orphans() -> int:
    """Count rows whose contact is not there."""
    return sum(
        _one(
            f"SELECT count(*) FROM {table} AS child WHERE {column} IS NOT NULL AND"  # noqa: S608 - names of ours
            f" NOT EXISTS (SELECT FROM contacts WHERE contacts.id = child.{column})"
        )
        for table, column in (
            ("chat_messages", "contact_id"),
            ("contact_identities", "contact_id"),
            ("contact_merges", "survivor_id"),
        )
    )


def _miscounted() -> int:
    return _one(
        """
        SELECT count(*) FROM contacts LEFT JOIN (
            SELECT contact_id, count(*), min(sent_at) AS first, max(sent_at) AS last
            FROM chat_messages GROUP BY contact_id
        ) AS kept ON contact_id = contacts.id
        WHERE (message_count, first_message_at, last_message_at)
            IS DISTINCT FROM (kept.count, kept.first, kept.last)
        """
    )


def _rows_of(contact_ids: list[int]) -> Any:
    """Return everything that these contacts are and have."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (SELECT json_agg(one ORDER BY id) FROM contacts AS one
                    WHERE id = ANY(%(ids)s)),
                (SELECT json_agg(one ORDER BY id) FROM contact_identities AS one
                    WHERE contact_id = ANY(%(ids)s)),
                (SELECT json_agg(one ORDER BY id) FROM chat_messages AS one
                    WHERE contact_id = ANY(%(ids)s))
            """,
            {"ids": contact_ids},
        )
        return cursor.fetchone()


def _backend_seconds() -> float:
    """Return what our server process has used of the processor."""
    pid = _one("SELECT pg_backend_pid()")
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def _one(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0])


def _run(statement: str, **parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
