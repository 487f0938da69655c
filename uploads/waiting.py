"""Why an upload waits, and for how long, for whoever watches it.

Whose the uploads before it are is nobody's business: of other tenants' files a number
is told, and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo

from django.utils import timezone

from uploads.models import FileUpload, UploadWork
from uploads.work import work_under_way

Status = FileUpload.Status

# Between two parts of an upload nobody works at it for a moment.
_BETWEEN_PARTS = timedelta(seconds=5)
# Whoever watches looks about once a second; then it is stuck itself.
_STOPPED_WITHIN = timedelta(seconds=5)
# More of them are "more than".
MOST_COUNTED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class FileWorkers:
    """When any worker of files was last seen, and whether that is too long ago."""

    seen_at: datetime | None
    are_gone: bool


AskForWorkers = Callable[[datetime], FileWorkers]
_lookups: list[AskForWorkers] = []


def register_worker_lookup(ask: AskForWorkers) -> None:
    """Ask this for the workers of files at a moment: their marks are an upper app's."""
    _lookups[:] = [ask]


class Reason(StrEnum):
    NO_WORKER = "no_worker"
    BUSY = "busy"
    TURN = "turn"
    STARTING = "starting"
    SLOW = "slow"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Why an upload waits; `uploads_before` are of all tenants.

    Also why one does not get on at which a process works: `work` says at what, and
    when it is stopped.
    """

    reason: Reason
    seconds: int
    uploads_before: int = 0
    worker_seen_at: datetime | None = None
    work: UploadWork | None = None

    def sentence(self, *, zone: ZoneInfo, now: datetime) -> str:
        """Say it to its uploader, with times as that zone's clocks show them."""
        if self.work is not None:
            return self._stands_still(self.work, zone, now)
        waits = f"Waiting for {_span(self.seconds)}"
        if self.reason == Reason.NO_WORKER:
            seen = "for a day"
            if self.worker_seen_at is not None:
                seen = f"since {_clock_time(self.worker_seen_at, zone, now)}"
            return (
                f"{waits}: no worker for files has been seen {seen}; ask your "
                "administrator"
            )
        if self.reason == Reason.BUSY:
            before = "it is next" if not self.uploads_before else self._before()
            return f"{waits}: file workers are busy with other uploads; {before}"
        if self.reason == Reason.TURN:
            return f"{waits} for its turn: {self._before()}"
        return f"{waits}: a worker takes it up in a moment"

    def short(self) -> str:
        """Say it in a list."""
        if self.work is not None:
            return f"stands still, {_short_span(self.seconds)}"
        waits = f"waiting {_short_span(self.seconds)}"
        if self.reason == Reason.NO_WORKER:
            return f"{waits}: no worker"
        if self.uploads_before:
            return f"{waits}: {_count(self.uploads_before)} before it"
        return waits

    def _stands_still(self, work: UploadWork, zone: ZoneInfo, now: datetime) -> str:
        act = "Reading the file" if work.kind == UploadWork.Kind.READ else "Loading"
        still = f"{act} has stood still for {_span(self.seconds)}"
        stopped = _clock_time(work.deadline_at, zone, now)
        if self.reason == Reason.STUCK:
            return (
                f"{still}, and was to be stopped at {stopped}: ask your administrator"
            )
        return f"{still}; it is stopped at {stopped} if it does not go on"

    def _before(self) -> str:
        if self.uploads_before == 1:
            return "1 upload is before it"
        return f"{_count(self.uploads_before)} uploads are before it"


def why_waiting(
    *,
    since: datetime,
    now: datetime,
    uploads_before: int,
    others_at_work: bool,
    workers: FileWorkers,
) -> Waiting:
    """Return why an upload that nobody works at waits."""
    if workers.are_gone:
        reason = Reason.NO_WORKER
    elif others_at_work:
        reason = Reason.BUSY
    elif uploads_before:
        reason = Reason.TURN
    else:
        reason = Reason.STARTING
    return Waiting(
        reason=reason,
        seconds=max(int((now - since).total_seconds()), 0),
        uploads_before=uploads_before,
        worker_seen_at=workers.seen_at,
    )


class FilesQueue:
    """The queue of files at one moment; asks the database when it is first needed.

    Three small queries, for however many uploads.
    """

    def __init__(self, *, now: datetime) -> None:
        self.now = now

    def find_waiting(self, upload: FileUpload) -> Waiting | None:
        """Return why an upload waits; None when it gets on, is over, or held back."""
        if not upload.is_over and upload.pk in self._at_work:
            return self._find_slow(upload)
        if upload.status == Status.PENDING:
            before = self._count_before(upload)
        elif self._stands_still(upload):
            before = 0
        else:
            return None
        return why_waiting(
            since=upload.updated_at,
            now=self.now,
            uploads_before=before,
            others_at_work=bool(self._at_work.keys() - {upload.pk}),
            workers=self._workers,
        )

    def _stands_still(self, upload: FileUpload) -> bool:
        return (
            upload.status == Status.PROCESSING
            and self.now - upload.updated_at > _BETWEEN_PARTS
            and upload.pk not in self._at_work
            # With nobody at work elsewhere, one that is read or loaded at this moment
            # may only have ended: the sweep takes it up.
            and (bool(self._at_work) or self._workers.are_gone)
        )

    def _find_slow(self, upload: FileUpload) -> Waiting | None:
        work = self._at_work[upload.pk]
        lasts = self.now - work.started_at
        if lasts * 2 <= work.deadline_at - work.started_at:
            return None
        is_overdue = self.now > work.deadline_at + _STOPPED_WITHIN
        return Waiting(
            reason=Reason.STUCK if is_overdue else Reason.SLOW,
            seconds=int(lasts.total_seconds()),
            work=work,
        )

    def _count_before(self, upload: FileUpload) -> int:
        """Return how many are read before it, for tenants take turns."""
        turns, turn = self._turns, _turn(upload)
        own = sum(other < turn for other in turns.get(upload.tenant_id, []))
        first = min([*turns.get(upload.tenant_id, []), turn])
        return own + sum(
            min(len(others), own + (others[0] < first))
            for tenant_id, others in turns.items()
            if tenant_id != upload.tenant_id
        )

    @cached_property
    def _turns(self) -> dict[int, list[tuple[datetime, int]]]:
        """The places in the queue of those that wait, by tenant."""
        pending = FileUpload.objects.filter(status=Status.PENDING).order_by("pk")
        turns: dict[int, list[tuple[datetime, int]]] = {}
        queued = pending.values_list("tenant_id", "updated_at", "pk")
        for tenant_id, at, pk in queued[: MOST_COUNTED + 1]:
            turns.setdefault(tenant_id, []).append((at, pk))
        return {tenant_id: sorted(own) for tenant_id, own in turns.items()}

    @cached_property
    def _at_work(self) -> dict[int, UploadWork]:
        """The oldest work of each upload that some process works at."""
        work = work_under_way(now=self.now)
        return {one.upload_id: one for one in reversed(work)}

    @cached_property
    def _workers(self) -> FileWorkers:
        if not _lookups:
            return FileWorkers(seen_at=None, are_gone=False)
        return _lookups[0](self.now)


def _turn(upload: FileUpload) -> tuple[datetime, int]:
    """Its place: it was queued when it was sent in, resumed or tried again."""
    return upload.updated_at, upload.pk


def _count(uploads: int) -> str:
    return f"more than {MOST_COUNTED}" if uploads > MOST_COUNTED else str(uploads)


def _span(seconds: int) -> str:
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"  # nobody wants to hear each second read out


def _short_span(seconds: int) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds // 60} min" if seconds >= 60 else "< 1 min"


def _clock_time(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    local, today = timezone.localtime(at, zone), timezone.localtime(now, zone).date()
    return f"{local:%H:%M}" if local.date() == today else f"{local:%d %b, %H:%M}"
