"""What the processes of the product leave in the database of themselves."""

from django.db import models


class ProcessMark(models.Model):
    """When a worker or beat was last seen at work, by its own word."""

    class Kind(models.TextChoices):
        WORKER = "worker", "worker"
        BEAT = "beat", "beat"

    kind = models.CharField(max_length=16, choices=Kind.choices)
    name = models.CharField(max_length=200, help_text="The host it runs on.")
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "process_marks"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "name"], name="process_marks_kind_name_key"
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=["worker", "beat"]),
                name="process_marks_kind_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
