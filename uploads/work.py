"""Which work on files is under way, and until when it must have ended.

Each piece of work is a row that is committed before it begins. The transaction that
does the work takes an advisory lock on the row's id: who holds it is the backend that
works, and nobody holds it once that has ended, however it ended.
"""

import contextlib
import logging
import os
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypedDict

from django.conf import settings
from django.db import Error, connection

from tenants.failures import describe_failure
from uploads.models import UploadWork

logger = logging.getLogger(__name__)

# Tells our advisory locks from others.
WORK_LOCKS = 0x5557
_LOCK_IDS = 1 << 31
# A row becomes visible a moment before its transaction begins.
_BEGINS_WITHIN = timedelta(seconds=30)
# Of one that began so lately it is not asked whether its process lives.
_LIVES_FOR = timedelta(seconds=5)
# A machine reads some 20 MB of a file in a second; one that is busy, a tenth of that.
_SLOWEST_BYTES_PER_SECOND = 1_000_000
# Who waits so long for others' locks has done nothing wrong: its turn comes again.
_LONGEST_LOCK_WAIT = timedelta(seconds=30)
# More processes there are not.
_MOST_WORK = 1000
_SHOWN = ("upload_id", "kind", "started_at", "deadline_at")
_COMM = Path("/proc/self/comm")


class Process(TypedDict):
    """What `UploadWork` names a process by."""

    worker: str
    pid: int


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


def work_under_way(*, now: datetime) -> list[UploadWork]:
    """Return the work that processes are at, not what dead ones left behind.

    Each row has its upload, with its tenant's id only.
    """
    begun = UploadWork.objects.select_related("upload").order_by("pk")
    work = list(begun.only(*_SHOWN, "upload__tenant_id")[:_MOST_WORK])
    before = now - _LIVES_FOR
    # PostgreSQL's table of locks is asked only when something runs longer: to read it
    # holds up whoever takes one.
    if all(one.started_at >= before for one in work):
        return work
    alive = set(_ids_at_work())
    return [one for one in work if one.started_at >= before or one.pk in alive]


def reading_limit(size_bytes: int) -> timedelta:
    """Return how long the reading of a file of this size may take."""
    seconds = settings.UPLOAD_READING_SECONDS + size_bytes // _SLOWEST_BYTES_PER_SECOND
    return timedelta(seconds=seconds)


def part_limit() -> timedelta:
    """Return how long the loading of a part may take: 1 to 2 s do, as a rule."""
    return timedelta(seconds=settings.UPLOAD_PART_SECONDS)


def begin_reading(*, upload_id: int, limit: timedelta, now: datetime) -> UploadWork:
    """Note that this process begins to read a file."""
    return UploadWork.objects.create(
        upload_id=upload_id,
        kind=UploadWork.Kind.READ,
        started_at=now,
        deadline_at=now + limit,
        **this_process(),
    )


def this_process() -> Process:
    """Return what this process is known by."""
    return Process(worker=socket.gethostname()[:200], pid=os.getpid())


@contextlib.contextmanager
def doing(work_id: int) -> Iterator[None]:
    """Name this process after its work, which ends with the block however it goes.

    The name (`ps -o comm`) lets whoever would kill the process see that it is at this
    work still, and at no other.
    """
    before = _name_this_process(process_name(work_id))
    try:
        yield
    finally:
        try:
            end(work_id)
        except Error as exc:
            # It is found without a transaction, and forgotten.
            logger.warning(
                "The end of work %s is not noted: %s", work_id, describe_failure(exc)
            )
        if before:
            _name_this_process(before)


def _name_this_process(name: str) -> str:
    """Rename this process, where the system lets it; return its name until now."""
    try:
        before = _COMM.read_text().rstrip("\n")
        _COMM.write_text(name)
    except OSError:
        return ""  # not Linux: nobody finds it by name, and so nobody kills it
    return before


def process_name(work_id: int) -> str:
    """Return what a process is called while it does this work: at most 15 bytes."""
    return f"work {work_id % 10**10}"


def hold(work_id: int, *, limit: timedelta) -> None:
    """Show, until the transaction ends, that the work is being done by it.

    `limit` also bounds how long it waits for any lock.
    """
    # Of 0 PostgreSQL makes "for ever".
    wait = max(min(_LONGEST_LOCK_WAIT, limit / 2), timedelta(milliseconds=1))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, %s),"
            " set_config('lock_timeout', %s, true)",
            [WORK_LOCKS, work_id % _LOCK_IDS, str(wait // timedelta(milliseconds=1))],
        )


def end(work_id: int) -> None:
    """Note that the work is done.

    Called in the transaction that does it, ahead of its last changes: from then on the
    process is not killed any more.
    """
    UploadWork.objects.filter(pk=work_id).delete()


def end_backend(work_id: int) -> bool:
    """End the database session that does the work; True when none is left.

    That of a killed process may wait for a lock as long as others hold it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT bool_and(pg_terminate_backend(pid, 5000)) FROM pg_locks
            WHERE locktype = 'advisory' AND granted
            AND classid = %s AND objid = %s AND objsubid = 2 AND database = (
                SELECT oid FROM pg_database WHERE datname = current_database()
            )
            """,
            [WORK_LOCKS, work_id % _LOCK_IDS],
        )
        return cursor.fetchone()[0] is not False


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
