"""Serve what changed since from an index, in the order of changes."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("contacts", "0008_deleted_contacts")]

    operations = [
        AddIndexConcurrently(
            "contact",
            models.Index(
                fields=["tenant", "updated_at", "id"], name="ix_contact_updated"
            ),
        ),
    ]
