"""Let staff find a person by words of a name or the last digits of a number."""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import SearchVector
from django.db import migrations, models
from django.db.models.functions import Reverse


class Migration(migrations.Migration):
    dependencies = [("contacts", "0001_initial")]

    operations = [
        migrations.AddIndex(
            "contact",
            GinIndex(
                SearchVector("name", "username", config="simple"),
                name="ix_contact_words",
            ),
        ),
        migrations.AddIndex(
            "contact",
            models.Index(
                OpClass(Reverse("phone_number"), name="text_pattern_ops"),
                name="ix_contact_last_digits",
            ),
        ),
    ]
