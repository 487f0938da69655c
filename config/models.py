"""What belongs to the house as a whole: its processes, and whom it forgot."""

from django.db import models
from django.db.models.functions import Now

from tenants.models import Tenant


class ProcessMark(models.Model):
    """When a worker or beat was last seen, by its own word.

    A worker has a mark for each queue that it takes from.
    """

    class Kind(models.TextChoices):
        MESSAGES = "messages", "worker of messages"
        FILES = "files", "worker of files"
        BACKGROUND = "background", "worker of media and purges"
        BEAT = "beat", "beat"
        WORKER = "worker", "worker of an earlier release"

    QUEUES = (Kind.MESSAGES, Kind.FILES, Kind.BACKGROUND)

    kind = models.CharField(max_length=16, choices=Kind.choices)
    name = models.CharField(max_length=200, help_text="The host it runs on.")
    seen_at = models.DateTimeField()
    worked_at = models.DateTimeField(
        null=True,
        help_text="When one of its tasks last ended, or it began to wait for one.",
    )

    class Meta:
        db_table = "process_marks"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "name"], name="process_marks_kind_name_key"
            ),
            models.CheckConstraint(
                condition=models.Q(
                    kind__in=["messages", "files", "background", "beat", "worker"]
                ),
                name="process_marks_kind_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class ErasureReceipt(models.Model):
    """That a person was forgotten, when, and how much went; not who it was.

    `person_digest` is a keyed digest of the number: who holds the number can show that
    the receipt is theirs, and nobody can read the number off it.
    """

    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    person_digest = models.CharField(max_length=64)
    erased_at = models.DateTimeField(db_default=Now())
    counts = models.JSONField(default=dict, db_default={}, help_text="Rows, by kind.")

    class Meta:
        db_table = "erasure_receipts"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"receipt {self.pk}"
