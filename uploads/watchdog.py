"""Kill the processes whose work on a file passed its deadline, or is wanted no more.

A cell may keep a process busy inside C code that never gives up the interpreter's
lock: no timer, no thread and no signal handler of that process runs then. So another
process looks: of a Celery worker its main process, which runs no tasks; of a command
that works at files itself, one that it starts (`uploads.guard`).

What is killed is the process that does the work at that moment, and nothing else: it is
named after its work (`uploads.work.doing`), and the lock on the work's row keeps it
from ending the work and taking up another in between.
"""

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from celery.signals import worker_ready
from django.db import Error, connection, connections, transaction
from django.db.models import Q
from django.utils import timezone

from uploads.models import FileUpload, UploadPart, UploadWork
from uploads.work import end_backend, process_name, this_process

logger = logging.getLogger(__name__)

Status, Stage = FileUpload.Status, FileUpload.Stage

LOOK_EVERY_SECONDS = 1.0
# As a rule a part in work ends by itself before, which spares the worker a process.
_UNWANTED_AFTER = timedelta(seconds=3)
# Work that is being ended locks its row; what is still being ended after this hangs.
_ENDS_WITHIN = timedelta(seconds=30)

_SENT_ANEW = (
    "Retry tries again, if the server was busy; otherwise save the file anew, or in "
    "smaller files, and send that."
)


_THREAD = "uploads-watchdog"


@worker_ready.connect
def watch_own_children(**_: Any) -> None:
    """Watch the processes of this worker, once, from a thread of its main process."""
    if all(thread.name != _THREAD for thread in threading.enumerate()):
        threading.Thread(
            target=watch,
            args=(is_child, threading.Event()),
            name=_THREAD,
            daemon=True,
        ).start()


def watch(
    is_ours: Callable[[int], bool],
    stop: threading.Event,
    *,
    tell: Callable[[str], object] = logger.warning,
) -> None:
    """Look about once a second, and tell what was stopped; outlive the database."""
    use_own_connection()
    is_away = False
    while not stop.wait(LOOK_EVERY_SECONDS):
        try:
            for sentence in stop_unwanted_work(is_ours=is_ours, now=timezone.now()):
                tell(sentence)
            is_away = False
        except Error as exc:
            if not is_away:
                logger.warning("Work on files is not watched: %s", type(exc).__name__)
            is_away = True
            connections["default"].close()
        except Exception:
            # Nobody else would watch.
            logger.exception("Work on files could not be watched")


def use_own_connection() -> None:
    """Have this thread ask the database without a pool.

    A worker forks processes at any time: a pool's locks and threads would be copied
    into them in whatever state they are.
    """
    pooled = connections["default"]
    options = {k: v for k, v in pooled.settings_dict["OPTIONS"].items() if k != "pool"}
    connections["default"] = type(pooled)(
        pooled.settings_dict | {"OPTIONS": options}, pooled.alias
    )


def is_child(pid: int) -> bool:
    """Tell whether a process is a child of this one."""
    return parent_of(pid) == os.getpid()


def parent_of(pid: int) -> int | None:
    """Return the process that started a process of this host; None if it is gone."""
    with contextlib.suppress(OSError):
        # The name may hold anything; what follows it is in this order.
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(after_name[1])
    return None


def stop_unwanted_work(*, is_ours: Callable[[int], bool], now: datetime) -> list[str]:
    """Kill what of our processes works too long, or for an upload that was ended.

    Returns a sentence about each upload of which work was stopped.
    """
    told = []
    on_this_host = UploadWork.objects.filter(
        _unwanted(now), worker=this_process()["worker"]
    )
    for work_id, pid, deadline_at in list(
        on_this_host.order_by("pk").values_list("pk", "pid", "deadline_at")
    ):
        if not is_ours(pid):
            continue
        if sentence := _stop(work_id, is_ours=is_ours, now=now):
            told.append(sentence)
        elif now > deadline_at + _ENDS_WITHIN and _is_at(pid, work_id):
            # Its end hangs in the database: taken back there, it is free or killable.
            end_backend(work_id)
    return told


def _unwanted(now: datetime) -> Q:
    return Q(deadline_at__lt=now) | Q(
        upload__status__in=[Status.CANCELLED, Status.UNDONE],
        upload__completed_at__lt=now - _UNWANTED_AFTER,
    )


def _is_at(pid: int, work_id: int) -> bool:
    """Tell whether a process does this work at this moment."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == process_name(work_id)
    except OSError:
        return False


def _stop(work_id: int, *, is_ours: Callable[[int], bool], now: datetime) -> str:
    """Kill the process that does the work, and say what became of its upload."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', '5s', true)")
        # Who ends the work deletes this row first, in the transaction that keeps what
        # it did: locked here, the work is neither ended nor ever will be.
        work = (
            UploadWork.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("upload")
            .filter(_unwanted(now), pk=work_id)
            .first()
        )
        if work is None:
            return ""
        if not (is_ours(work.pid) and _is_at(work.pid, work.pk)):
            work.delete()  # of a process that lost its connection, and does other work
            return ""
        upload = work.upload
        if not upload.is_over:
            # Before its part is free for others.
            stage, message = _explain(work)
            if not upload.mark_failed(stage=stage, message=message, now=now):
                return ""  # it ended at this moment; the next look sees how
        elif work.part_number is None and upload.status == Status.FAILED:
            work.delete()  # whoever could not read it said so, and goes on
            return ""
        with contextlib.suppress(ProcessLookupError):  # it ended by itself just now
            os.kill(work.pid, signal.SIGKILL)
    logger.warning("Process %s was killed: %s", work.pid, work)
    end_backend(work_id)
    with transaction.atomic():
        _give_up_part(work)
        UploadWork.objects.filter(pk=work_id).delete()
    return f"Upload {upload.pk}: {upload.sentence}"


def _give_up_part(work: UploadWork) -> None:
    """Mark the part as failed, unless somebody has it tried again already."""
    failed = (
        FileUpload.objects.select_for_update(no_key=True)
        .filter(pk=work.upload_id, status=Status.FAILED)
        .first()
    )
    if failed and work.part_number is not None:
        failed.parts.filter(
            number=work.part_number, status=UploadPart.Status.PENDING
        ).update(status=UploadPart.Status.FAILED, error="took too long")


def _explain(work: UploadWork) -> tuple[FileUpload.Stage, str]:
    seconds = round((work.deadline_at - work.started_at).total_seconds())
    if work.part_number is None:
        return (
            Stage.CSV_PARSE,
            f"Reading the file took longer than {seconds} seconds and was stopped. "
            f"{_SENT_ANEW}",
        )
    part = work.upload.parts.get(number=work.part_number)
    return (
        Stage.CUSTOMER_CREATION,
        f"The {part.row_count:,} rows from line {part.first_line:,} took longer than "
        f"{seconds} seconds and were stopped. All parts loaded before are kept. "
        f"{_SENT_ANEW}",
    )
