"""How far an upload is, for whoever watches it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Min, Sum

from uploads.models import FileUpload, RowIssue, UploadAct

Status = FileUpload.Status

# A rate over less is a rumour.
_SECONDS_TO_TELL = 1.0
# A sheet may have a kind of problem for each of its columns.
GROUPS_LISTED = 50
# What was paused, cancelled or failed on its way has no speed to speak of.
_MOVING = (Status.PROCESSING, Status.COMPLETED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Rows so far, and how fast they come."""

    done: int
    total: int
    rows_per_second: int
    seconds_left: int | None

    @property
    def percent(self) -> int:
        return self.done * 100 // self.total if self.total else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueGroup:
    """How many rows have one kind of problem in one column, and where it begins."""

    code: str
    column_name: str
    message: str
    count: int
    first_line: int


def progress_of(upload: FileUpload, *, now: datetime) -> Progress:
    done = upload.succeeded_rows + upload.failed_rows
    rate, left = 0.0, None
    if upload.started_at is not None and upload.status in _MOVING:
        since, before = upload.started_at, 0
        if upload.status == Status.PROCESSING:
            since, before = _went_on(upload, started_at=since)
        seconds = ((upload.completed_at or now) - since).total_seconds()
        if done > before and seconds >= _SECONDS_TO_TELL:
            rate = (done - before) / seconds
            if upload.status == Status.PROCESSING:
                left = round((upload.total_rows - done) / rate)
    return Progress(
        done=done,
        total=upload.total_rows,
        rows_per_second=round(rate),
        seconds_left=left,
    )


def _went_on(upload: FileUpload, *, started_at: datetime) -> tuple[datetime, int]:
    """Return since when the work has not stood still, and the rows done before.

    An hour's pause, or a night after a failure, is no time that rows took.
    """
    went_on = upload.acts.filter(
        act__in=[UploadAct.Act.RESUMED, UploadAct.Act.RETRIED], at__gt=started_at
    ).last()
    if went_on is None:
        return started_at, 0
    before = upload.parts.filter(done_at__lt=went_on.at).aggregate(
        rows=Sum(F("succeeded_rows") + F("failed_rows"), default=0)
    )
    return went_on.at, before["rows"]


def group_issues(upload: FileUpload, *, limit: int = GROUPS_LISTED) -> list[IssueGroup]:
    """Return the kinds of problems of an upload's rows, the most frequent first."""
    groups = (
        RowIssue.objects.filter(upload=upload)
        .values("code", "column_name")
        .annotate(count=Count("line", distinct=True), first=Min("line"))
        .annotate(message=Min("message"))
        .order_by("-count", "code")[:limit]
    )
    return [
        IssueGroup(
            code=group["code"],
            column_name=group["column_name"],
            message=group["message"],
            count=group["count"],
            first_line=group["first"],
        )
        for group in groups
    ]


def count_groups_not_listed(upload: FileUpload, listed: Sequence[IssueGroup]) -> int:
    """Return how many kinds of problems there are besides those that are listed."""
    if len(listed) < GROUPS_LISTED:
        return 0
    kinds = RowIssue.objects.filter(upload=upload).order_by()
    return kinds.values("code", "column_name").distinct().count() - len(listed)
