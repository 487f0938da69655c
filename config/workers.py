"""Which workers run and which are stuck, as their marks and the table of work tell."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Max, Q

from config.models import ProcessMark
from uploads.models import UploadWork
from uploads.waiting import FileWorkers
from uploads.watchdog import parent_of
from uploads.work import overdue_work, this_process

Kind = ProcessMark.Kind

# All leave their marks every 10 to 20 s, and a task of messages ends within seconds.
GONE_AFTER = timedelta(seconds=90)


class State(StrEnum):
    OK = "ok"
    GONE = "gone"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True, kw_only=True)
class LastMark:
    """When any process of a kind was last seen, and when a task of any last ended.

    `names` are those that were seen lately.
    """

    seen_at: datetime | None = None
    worked_at: datetime | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """A worker that does not get on: with an upload, or with messages.

    `pid` is the process that is at the upload, `worker_pid` the one that started it and
    has to stop it, where it runs on this host.
    """

    worker: str
    pid: int | None
    worker_pid: int | None = None
    upload_id: int | None
    seconds: int


def last_marks(*, now: datetime) -> dict[str, LastMark]:
    """Return the newest marks of each kind of process that has left any of late."""
    marks = (
        ProcessMark.objects.order_by()
        .values("kind")
        .annotate(
            seen=Max("seen_at"),
            worked=Max("worked_at"),
            names=ArrayAgg(
                "name",
                filter=Q(seen_at__gte=now - GONE_AFTER),
                order_by="name",
                default=[],
            ),
        )
    )
    return {
        mark["kind"]: LastMark(
            seen_at=mark["seen"], worked_at=mark["worked"], names=tuple(mark["names"])
        )
        for mark in marks
    }


def states(marks: Mapping[str, LastMark], *, now: datetime) -> dict[str, State]:
    """Return how each kind of process is that there should be."""
    beat_runs = _is_recent(marks.get(Kind.BEAT, LastMark()).seen_at, now)
    return {
        kind.value: _state(kind, marks.get(kind, LastMark()), beat_runs, now)
        for kind in (*ProcessMark.QUEUES, Kind.BEAT)
    }


def _state(kind: Kind, mark: LastMark, beat_runs: bool, now: datetime) -> State:
    if not _is_recent(mark.seen_at, now):
        return State.GONE
    if kind != Kind.MESSAGES or mark.worked_at is None or not beat_runs:
        return State.OK
    # Beat has something to do for it every 15 s, and no task of it takes long.
    return State.OK if _is_recent(mark.worked_at, now) else State.STUCK


def _is_recent(at: datetime | None, now: datetime) -> bool:
    return at is not None and now - at <= GONE_AFTER


def file_workers(now: datetime) -> FileWorkers:
    """Return whether uploads that wait have anybody to wait for."""
    marks = last_marks(now=now)
    return FileWorkers(
        seen_at=marks.get(Kind.FILES, LastMark()).seen_at,
        are_gone=states(marks, now=now)[Kind.FILES] == State.GONE,
    )


def find_stuck(*, marks: Mapping[str, LastMark], now: datetime) -> list[Stuck]:
    """Return the workers that are stuck, those of messages first; raises `Error`."""
    return [*_stuck_in_messages(marks, now), *_stuck_in_files(now)]


def _stuck_in_messages(marks: Mapping[str, LastMark], now: datetime) -> Iterator[Stuck]:
    if states(marks, now=now)[Kind.MESSAGES] == State.STUCK:
        mark = marks[Kind.MESSAGES]
        for name in mark.names:
            since = mark.worked_at or now
            yield Stuck(
                worker=name, pid=None, upload_id=None, seconds=_until(now, since)
            )


def _stuck_in_files(now: datetime) -> Iterator[Stuck]:
    # As a rule nothing is overdue, and PostgreSQL's table of locks is not asked for:
    # to read it holds up whoever takes one.
    if not UploadWork.objects.overdue(now=now).exists():
        return
    here = this_process()["worker"]
    for work in overdue_work(now=now):
        yield Stuck(
            worker=f"{Kind.FILES}@{work.worker}",
            pid=work.pid,
            worker_pid=_worker_of(work.pid) if work.worker == here else None,
            upload_id=work.upload_id,
            seconds=_until(now, work.started_at),
        )


def _worker_of(pid: int) -> int | None:
    """Return the Celery worker that a process belongs to; a command has none."""
    parent = parent_of(pid)
    with contextlib.suppress(OSError):
        if parent and b"celery" in Path(f"/proc/{parent}/cmdline").read_bytes():
            return parent
    return None


def _until(now: datetime, since: datetime) -> int:
    return max(round((now - since).total_seconds()), 0)
