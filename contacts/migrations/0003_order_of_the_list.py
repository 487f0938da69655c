"""Serve the list of contacts in its order, those who never wrote last, by indexes."""

from django.db import migrations, models
from django.db.models import F


class Migration(migrations.Migration):
    dependencies = [("contacts", "0002_search_indexes")]

    operations = [
        migrations.RemoveIndex("contact", "ix_contact_last_message"),
        migrations.AddIndex(
            "contact",
            models.Index(
                "tenant",
                F("last_message_at").desc(nulls_last=True),
                F("id").desc(),
                name="ix_contact_last_message",
            ),
        ),
        migrations.AddIndex(
            "contact",
            models.Index(
                F("last_message_at").desc(nulls_last=True),
                F("id").desc(),
                name="ix_contact_heard_last",
            ),
        ),
    ]
