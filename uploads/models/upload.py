"""A customer file, and what became of it."""

import uuid
from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from tenants.models import ApiClient, Tenant


def kept_path(upload: "FileUpload", filename: str) -> str:
    """Return where an upload's file is kept: a generated name, nothing of its own."""
    return f"uploads/{upload.tenant_id}/{uuid.uuid4().hex}"


class FileUpload(models.Model):
    """One customer file and what became of it.

    The counts are honest by constraint: a completed upload has
    `total_rows = succeeded_rows + failed_rows`.
    """

    class Status(models.TextChoices):
        PENDING = "pending", "waiting"
        REVIEW = "review", "to be reviewed"
        PROCESSING = "processing", "processing"
        PAUSED = "paused", "paused"
        COMPLETED = "completed", "completed"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"
        UNDONE = "undone", "undone"

    class Stage(models.TextChoices):
        FILE_UPLOAD = "file_upload", "record creation"
        CSV_PARSE = "csv_parse", "parsing"
        CUSTOMER_CREATION = "customer_creation", "customer creation"
        STATUS_UPDATE = "status_update", "final status"

    class Review(models.TextChoices):
        """Whether its uploader looks at what was understood before rows are written."""

        NEVER = "never", "never"
        WHEN_NEW = "when_new", "when its layout is new"
        ALWAYS = "always", "always"
        ON_RETRY = "on_retry", "when it is tried again"
        DONE = "done", "done"

    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="uploads")
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    uploaded_by_client = models.ForeignKey(
        ApiClient,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The program that sent it through the API.",
    )
    parent = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="corrections",
        help_text="The upload whose refused rows, mended, this file brings again.",
    )
    file = models.FileField(upload_to=kept_path, max_length=200)
    original_name = models.TextField("file")
    size_bytes = models.PositiveBigIntegerField(default=0)
    rewritten_bytes = models.PositiveBigIntegerField(
        default=0,
        db_default=0,
        help_text="Of the copy of its rows, where they had to be rewritten.",
    )
    sha256 = models.CharField(max_length=64)
    loaded_before = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The upload of the same bytes that was loaded before, while somebody "
        "has to say whether this one is to be loaded too.",
    )
    is_never_readable = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Of a kind that holds no table, such as a picture: trying it again "
        "cannot help.",
    )
    status = models.CharField(
        max_length=16,
        choices=Status.choices,
        default=Status.PENDING,
        db_default=Status.PENDING,
    )
    stage = models.CharField(
        max_length=20,
        choices=Stage.choices,
        default=Stage.FILE_UPLOAD,
        db_default=Stage.FILE_UPLOAD,
    )
    error = models.TextField(blank=True, default="", db_default="")
    notices = models.JSONField(
        default=list,
        db_default=[],
        help_text="Sentences about how the file was read, for its uploader.",
    )
    layout = models.JSONField(
        default=dict,
        db_default={},
        help_text="How the file is read: encoding, delimiter, header, columns, dates.",
    )
    review = models.CharField(
        max_length=8,
        choices=Review.choices,
        default=Review.NEVER,
        db_default=Review.NEVER,
    )
    reading = models.PositiveIntegerField(
        default=0,
        db_default=0,
        help_text="Number of the reading that its parts are of: one more each time its "
        "file is read, or its columns are confirmed as others than were read.",
    )
    choices = models.JSONField(
        default=dict,
        db_default={},
        help_text="What its uploader decided: encoding, delimiter, columns, dates.",
    )
    total_rows = models.PositiveIntegerField(default=0, db_default=0)
    succeeded_rows = models.PositiveIntegerField(default=0, db_default=0)
    failed_rows = models.PositiveIntegerField(default=0, db_default=0)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(db_default=Now())
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    undone_at = models.DateTimeField(null=True)
    undone_rows = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Entries that the undo took out."
    )
    erased_rows = models.PositiveIntegerField(
        default=0,
        db_default=0,
        help_text="Entries deleted later, for people who asked to be forgotten.",
    )
    purged_at = models.DateTimeField(
        null=True, help_text="When the kept file was deleted, at its retention's end."
    )

    class Meta:
        db_table = "file_uploads"
        verbose_name = "upload"
        ordering = ["-id"]
        constraints = [
            # What the parts refer to.
            models.UniqueConstraint(
                fields=["id", "reading"], name="file_uploads_id_reading_key"
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=[
                        "pending",
                        "review",
                        "processing",
                        "paused",
                        "completed",
                        "failed",
                        "cancelled",
                        "undone",
                    ]
                ),
                name="file_uploads_status_known",
            ),
            models.CheckConstraint(
                condition=Q(total_rows__gte=F("succeeded_rows") + F("failed_rows")),
                name="file_uploads_counts_within_total",
            ),
            models.CheckConstraint(
                condition=~Q(status="completed")
                | Q(total_rows=F("succeeded_rows") + F("failed_rows")),
                name="file_uploads_completed_counts_honest",
            ),
            models.CheckConstraint(
                condition=~Q(status="failed") | ~Q(error=""),
                name="file_uploads_failure_explained",
            ),
            models.CheckConstraint(
                condition=~Q(status="undone") | Q(undone_at__isnull=False),
                name="file_uploads_undo_recorded",
            ),
            models.CheckConstraint(
                condition=Q(
                    review__in=["never", "when_new", "always", "on_retry", "done"]
                ),
                name="file_uploads_review_known",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "sha256"], name="ix_upload_sha256"),
            models.Index(
                fields=["id"],
                condition=Q(status__in=["pending", "processing"]),
                name="ix_upload_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.original_name} ({self.pk})"

    def mark_failed(self, *, stage: Stage, message: str, now: datetime) -> bool:
        """End the upload, naming its stage; what was loaded before stays.

        False when it ended meanwhile, was cancelled say: then it stays as it is.
        """
        self.status, self.stage = self.Status.FAILED, stage
        self.error = f"[{stage}] {message}"
        failed = FileUpload.objects.filter(
            pk=self.pk,
            status__in=[
                self.Status.PENDING,
                self.Status.PROCESSING,
                self.Status.PAUSED,
            ],
        ).update(
            status=self.status,
            stage=stage,
            error=self.error,
            completed_at=now,
            updated_at=now,
        )
        return bool(failed)

    def begin_new_reading(self) -> None:
        """Part with what the reading before made; the caller saves `reading`.

        Whoever still works by that reading finds nothing of it any more.
        """
        self.parts.all().delete()
        self.reading += 1

    @property
    def sender(self) -> str:
        """Who sent it, for people."""
        if self.uploaded_by_client:
            return f"{self.uploaded_by_client} (API)"
        return str(self.uploaded_by or "the command line")

    @property
    def is_over(self) -> bool:
        return self.status not in (
            self.Status.PENDING,
            self.Status.REVIEW,
            self.Status.PROCESSING,
            self.Status.PAUSED,
        )

    @property
    def is_loading_on(self) -> bool:
        """Whether parts are being loaded, also of an upload that was paused since."""
        # All of them: lists fetch the work of all their uploads at once.
        return any(work.part_number is not None for work in self.work.all())

    @property
    def rows_file(self) -> str:
        """The kept file that the parts' places refer to, in the default storage.

        Workbooks, UTF-16 and UTF-32 are rewritten once, so that parts can be cut by
        bytes.
        """
        return str(self.layout.get("rows_file") or self.file.name)

    @property
    def rewritten_name(self) -> str:
        """Where the kept file's rows are rewritten, where they have to be."""
        return f"{self.file.name}.utf8"

    @property
    def sentence(self) -> str:
        """How the upload stands, in one line."""
        return self.tell(str)

    def tell(self, figure: Callable[[int], str]) -> str:
        """Say how the upload stands, with each count written by `figure`."""
        if self.status == self.Status.COMPLETED:
            return (
                f"Upload completed: {figure(self.succeeded_rows)} successful, "
                f"{figure(self.failed_rows)} failed"
            )
        if self.status == self.Status.FAILED:
            return f"Upload failed: {self.error}"
        if self.status == self.Status.REVIEW and self.loaded_before_id:
            return (
                "Nothing is loaded yet: the same file was loaded before, as upload "
                f"{self.loaded_before_id}; say whether it is to be loaded again"
            )
        if self.status == self.Status.REVIEW:
            return "Nothing is loaded yet: look at what was understood, then start"
        if self.status == self.Status.PROCESSING:
            return {
                self.Stage.CSV_PARSE: "Reading the file",
                self.Stage.CUSTOMER_CREATION: "Loading the customers",
            }.get(self.Stage(self.stage), "Finishing")
        if self.status == self.Status.PAUSED:
            if self.is_loading_on:
                return (
                    "Paused: rows that a worker has in hand are still loaded, nothing "
                    "more until it is resumed"
                )
            return "Paused: nothing more is loaded until it is resumed"
        if self.status == self.Status.UNDONE:
            return f"Undone: {figure(self.undone_rows)} entries were taken out"
        if self.status == self.Status.CANCELLED and self.succeeded_rows:
            loaded = figure(self.succeeded_rows)
            return f"Cancelled: {loaded} entries were loaded before, and stay"
        if self.status == self.Status.CANCELLED:
            return "Cancelled: nothing was loaded"
        return "This upload is waiting: it starts by itself"
