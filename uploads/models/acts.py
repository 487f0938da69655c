"""What was done with a file, and by whom."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from tenants.models import ApiClient
from uploads.models.upload import FileUpload


class UploadAct(models.Model):
    """What somebody did with an upload, and when: kept for as long as the upload."""

    class Act(models.TextChoices):
        SENT = "sent", "sent"
        STARTED = "started", "looked at and started"
        PAUSED = "paused", "paused"
        RESUMED = "resumed", "resumed"
        CANCELLED = "cancelled", "cancelled"
        AGAIN = "again", "said to be loaded again"
        RETRIED = "retried", "tried again"
        UNDONE = "undone", "undone"
        EXPORTED = "exported", "refused rows downloaded"
        COMPARED = "compared", "comparison with another file downloaded"
        PURGED = "purged", "kept file deleted"

    upload = models.ForeignKey(
        FileUpload, models.CASCADE, related_name="acts", db_index=False
    )
    act = models.CharField(max_length=16, choices=Act.choices)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        help_text="None: a program, the command line, or the system by itself.",
    )
    by_client = models.ForeignKey(
        ApiClient, models.SET_NULL, null=True, related_name="+"
    )
    at = models.DateTimeField(db_default=Now())
    row_count = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Rows undone or downloaded."
    )

    class Meta:
        db_table = "upload_acts"
        ordering = ["id"]
        indexes = [models.Index(fields=["upload", "id"], name="ix_act_upload")]

    def __str__(self) -> str:
        return f"upload {self.upload_id} {self.act}"

    @property
    def doer(self) -> str:
        """Who did it, for people."""
        if self.by_client:
            return f"{self.by_client} (API)"
        return str(self.by or "the system")
