"""What workers are doing with files at this moment."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q

from uploads.models.upload import FileUpload


class UploadWorkQuerySet(models.QuerySet["UploadWork"]):
    def overdue(self, *, now: datetime) -> "UploadWorkQuerySet":
        """Return the work that should have ended before `now`."""
        return self.filter(deadline_at__lt=now)


class UploadWork(models.Model):
    """One piece of work on a file: its reading, or the loading of one of its parts.

    Committed before the work begins and deleted when it ends, so that others see it,
    also of a process that cannot speak any more. While the work goes on, its
    transaction holds an advisory lock on this row's id (`uploads.work`).
    """

    class Kind(models.TextChoices):
        READ = "read", "reading"
        LOAD = "load", "loading"

    upload = models.ForeignKey(FileUpload, models.CASCADE, related_name="work")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    part_number = models.PositiveIntegerField(
        null=True, help_text="Of the part that is loaded; none while a file is read."
    )
    worker = models.CharField(max_length=200, help_text="The host its process runs on.")
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    deadline_at = models.DateTimeField(
        help_text="When its process is killed, if it has not ended."
    )

    objects = UploadWorkQuerySet.as_manager()

    class Meta:
        db_table = "upload_work"
        verbose_name = "work on an upload"
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["read", "load"]), name="upload_work_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(kind="load", part_number__isnull=False)
                | Q(kind="read", part_number__isnull=True),
                name="upload_work_part_of_loading",
            ),
            models.CheckConstraint(
                condition=Q(deadline_at__gte=F("started_at")),
                name="upload_work_deadline_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of upload {self.upload_id} by {self.worker} ({self.pid})"
