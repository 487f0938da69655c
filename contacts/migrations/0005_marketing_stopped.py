"""Find those who stopped marketing messages, in the order of the list."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import F


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("contacts", "0004_stated_by_themselves")]

    operations = [
        AddIndexConcurrently(
            "contact",
            models.Index(
                "tenant",
                F("last_message_at").desc(nulls_last=True),
                F("id").desc(),
                condition=models.Q(marketing_preference="stop"),
                name="ix_contact_marketing_stopped",
            ),
        ),
    ]
