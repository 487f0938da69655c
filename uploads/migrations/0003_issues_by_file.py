"""Order the list of refused rows by an index: the newest file first, each from its top."""

from django.contrib.postgres.operations import (
    AddIndexConcurrently,
    RemoveIndexConcurrently,
)
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("uploads", "0002_acts_and_undo")]

    operations = [
        AddIndexConcurrently(
            "rowissue",
            models.Index(fields=["-upload", "line", "id"], name="ix_issue_list"),
        ),
        RemoveIndexConcurrently("rowissue", "ix_issue_upload_line"),
    ]
