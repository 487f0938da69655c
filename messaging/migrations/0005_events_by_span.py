"""Find events of a time by block ranges: a tree was written twice for each of them."""

from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import (
    AddIndexConcurrently,
    RemoveIndexConcurrently,
)
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("messaging", "0004_references_without_checks")]

    operations = [
        AddIndexConcurrently(
            "webhookevent",
            BrinIndex(
                autosummarize=True,
                fields=["received_at"],
                name="ix_event_received_span",
                pages_per_range=32,
            ),
        ),
        RemoveIndexConcurrently("webhookevent", "ix_event_received"),
    ]
