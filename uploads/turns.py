"""Whose unread file a free worker reads next: tenants take turns.

A tenant has one file read at a time. So however many large files of it wait, and
however early they came, they take one process, and the others are free for other
tenants: for the one that longest had no worker first.
"""

from datetime import datetime, timedelta

from django.db import connection

from uploads.models import UploadWork
from uploads.work import work_under_way

# Tells our advisory locks from others.
_TENANT_LOCKS = 0x5554
# Who has begun to read a file and stopped may still be at it, or may have failed.
_RESTS = timedelta(seconds=15)

_NEXT_OF_EACH_TENANT = """
WITH unread AS (
    SELECT DISTINCT ON (tenant_id) tenant_id, id, updated_at
    FROM file_uploads
    WHERE status IN ('pending', 'processing') AND stage IN ('file_upload', 'csv_parse')
      AND (status = 'pending' OR updated_at < %(rested_at)s OR id = %(upload_id)s)
    ORDER BY tenant_id, attempts, updated_at, id
)
SELECT unread.tenant_id, unread.id
FROM unread
LEFT JOIN LATERAL (
    SELECT max(upload.updated_at) AS last_at FROM file_uploads upload
    WHERE upload.tenant_id = unread.tenant_id AND upload.started_at IS NOT NULL
) turn ON true
ORDER BY turn.last_at NULLS FIRST, unread.updated_at, unread.id
"""


def unread_by_turns(
    *, now: datetime, upload_id: int | None = None
) -> list[tuple[int, int]]:
    """Return (tenant, its next unread upload) of each tenant, whose turn it is first.

    Not those of which a file is being read. A file that was begun before rests for a
    while, unless it is the one given.
    """
    at_it = tenants_being_read(now=now)
    with connection.cursor() as cursor:
        cursor.execute(
            _NEXT_OF_EACH_TENANT, {"rested_at": now - _RESTS, "upload_id": upload_id}
        )
        return [turn for turn in cursor.fetchall() if turn[0] not in at_it]


def take_turn_of(*, tenant_id: int, now: datetime) -> bool:
    """Become the only one to begin to read a file of a tenant, in this transaction.

    False when somebody else does, or one of its files is being read.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(%s, %s)", [_TENANT_LOCKS, tenant_id]
        )
        (taken,) = cursor.fetchone()
    return bool(taken) and tenant_id not in tenants_being_read(now=now)


def tenants_being_read(*, now: datetime) -> set[int]:
    """Return the tenants of which a file is being read."""
    return {
        work.upload.tenant_id
        for work in work_under_way(now=now)
        if work.kind == UploadWork.Kind.READ
    }
