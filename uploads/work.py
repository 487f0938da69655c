"""Which work on files is under way, and until when it must have ended.

Each piece of work is a row that is committed before it begins. The transaction that
does the work takes an advisory lock on the row's id: who holds it is the backend that
works, and nobody holds it once that has ended, however it ended.
"""

import os
import socket
from datetime import datetime, timedelta

from django.db import connection

from uploads.models import UploadWork

# Tells our advisory locks from others.
WORK_LOCKS = 0x5557
_LOCK_IDS = 1 << 31
# A row becomes visible a moment before its transaction begins.
_BEGINS_WITHIN = timedelta(seconds=30)


def overdue_work(*, now: datetime) -> list[UploadWork]:
    """Return the work that runs past its deadline, the longest first.

    It is really under way: what a dead process left behind is not among it. Each row
    has its upload and its tenant.
    """
    return list(
        UploadWork.objects.overdue(now=now)
        .filter(pk__in=_ids_at_work())
        .select_related("upload__tenant")
        .defer("upload__layout", "upload__choices")
        .order_by("started_at", "pk")
    )


def begin_reading(*, upload_id: int, limit: timedelta, now: datetime) -> UploadWork:
    """Note that this process begins to read a file."""
    return UploadWork.objects.create(
        upload_id=upload_id,
        kind=UploadWork.Kind.READ,
        started_at=now,
        deadline_at=now + limit,
        **this_process(),
    )


def this_process() -> dict[str, object]:
    """Return what `UploadWork` names a process by."""
    return {"worker": socket.gethostname()[:200], "pid": os.getpid()}


def hold(work_id: int) -> None:
    """Show, until the transaction ends, that the work is being done by it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, %s)", [WORK_LOCKS, work_id % _LOCK_IDS]
        )


def forget_abandoned_work(*, now: datetime) -> int:
    """Delete the rows that dead processes left; return how many."""
    return (
        UploadWork.objects.filter(started_at__lt=now - _BEGINS_WITHIN)
        .overdue(now=now - _BEGINS_WITHIN)
        .exclude(pk__in=_ids_at_work())
        .delete()[0]
    )


def _ids_at_work() -> list[int]:
    """Return the ids of all work whose transaction is open."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT work.id FROM upload_work work WHERE EXISTS (
                SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted
                AND classid = %s AND objid = work.id %% %s AND objsubid = 2
                AND database = (
                    SELECT oid FROM pg_database WHERE datname = current_database()
                )
            )
            """,
            [WORK_LOCKS, _LOCK_IDS],
        )
        return [work_id for (work_id,) in cursor.fetchall()]
