"""Find who is reached by an alternate number from an index.

Programs ask by number, and the erasure of a person looks for it in others' entries:
without it both read the whole table. Loads wait while it is made: one pass over the
entries, of which few have such a number.
"""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("customers", "0005_compared_entries")]

    operations = [
        migrations.AddIndex(
            "customer",
            models.Index(
                fields=["alternate_phone"],
                condition=~Q(alternate_phone=""),
                name="ix_customer_alternate_phone",
            ),
        ),
    ]
