"""Let a phone come again with every file: a dated entry each, told apart by fingerprint.

The old service kept one row per phone, so a second file overwrote or refused the first.
"""

from django.core.management.base import CommandError
from django.db import migrations, models


def refuse_while_phones_repeat(apps, schema_editor):
    """Stop the way back with a sentence instead of a failing constraint."""
    customers = apps.get_model("customers", "Customer").objects.using(
        schema_editor.connection.alias
    )
    repeated = (
        customers.values("primary_phone")
        .annotate(entries=models.Count("id"))
        .filter(entries__gt=1)
        .count()
    )
    if repeated:
        raise CommandError(
            "The constraint uix_customer_primary_phone cannot come back: "
            f"{repeated} phone number(s) stand in more than one entry of `customers`, "
            "which is what this migration made possible. Keep one entry per phone (or "
            "export and delete the others), then run it again. Nothing was changed."
        )


class Migration(migrations.Migration):
    dependencies = [("customers", "0001_initial")]

    operations = [
        migrations.RemoveConstraint("customer", name="uix_customer_primary_phone"),
        migrations.AddConstraint(
            "customer",
            models.UniqueConstraint(
                fields=["fingerprint"], name="ix_customer_fingerprint"
            ),
        ),
        migrations.AddIndex(
            "customer",
            models.Index(fields=["primary_phone"], name="ix_customer_primary_phone"),
        ),
        migrations.AddIndex(
            "customer",
            models.Index(
                fields=["tenant", "last_contact_date"], name="ix_customer_last_contact"
            ),
        ),
        migrations.AddIndex(
            "customer",
            models.Index(fields=["tenant", "state"], name="ix_customer_state"),
        ),
        migrations.AddIndex(
            "customer",
            models.Index(fields=["upload", "row_number"], name="ix_customer_upload"),
        ),
        migrations.AddIndex(
            "customer",
            models.Index(
                fields=["tenant", "loan_number"],
                condition=~models.Q(loan_number=""),
                name="ix_customer_loan_number",
            ),
        ),
        # Last, because the way back begins with it.
        migrations.RunPython(migrations.RunPython.noop, refuse_while_phones_repeat),
    ]
