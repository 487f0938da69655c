"""The parts that a file is loaded in."""

from django.db import models
from django.db.models import F, Q

from uploads.models.upload import FileUpload


class UploadPart(models.Model):
    """Some 20,000 rows of a file, loaded whole, once, or not at all."""

    class Status(models.TextChoices):
        PENDING = "pending", "waiting"
        DONE = "done", "done"
        FAILED = "failed", "failed"

    upload = models.ForeignKey(
        FileUpload, models.CASCADE, related_name="parts", db_index=False
    )
    # The upload's own by a foreign key (upload_id, reading): while there are parts, the
    # file is not read again, and its columns are those that they were cut by.
    reading = models.PositiveIntegerField(default=0, db_default=0)
    number = models.PositiveIntegerField()
    start_byte = models.PositiveBigIntegerField()
    end_byte = models.PositiveBigIntegerField()
    first_line = models.PositiveIntegerField()
    row_count = models.PositiveIntegerField()
    status = models.CharField(
        max_length=8,
        choices=Status.choices,
        default=Status.PENDING,
        db_default=Status.PENDING,
    )
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    failures = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="Attempts that ended with an error."
    )
    claimed_at = models.DateTimeField(
        null=True, help_text="When a worker last took it up; shares workers fairly."
    )
    error = models.TextField(blank=True, default="", db_default="")
    succeeded_rows = models.PositiveIntegerField(default=0, db_default=0)
    failed_rows = models.PositiveIntegerField(default=0, db_default=0)
    done_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "upload_parts"
        constraints = [
            models.UniqueConstraint(
                fields=["upload", "number"], name="upload_parts_upload_id_number_key"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "done", "failed"]),
                name="upload_parts_status_known",
            ),
            models.CheckConstraint(
                condition=~Q(status="done")
                | Q(row_count=F("succeeded_rows") + F("failed_rows")),
                name="upload_parts_done_counts_honest",
            ),
        ]
        indexes = [
            models.Index(
                fields=["upload", "number"],
                condition=Q(status="pending"),
                name="ix_part_pending",
            ),
            models.Index(fields=["claimed_at"], name="ix_part_claimed"),
        ]

    def __str__(self) -> str:
        return f"part {self.number} of upload {self.upload_id}"
