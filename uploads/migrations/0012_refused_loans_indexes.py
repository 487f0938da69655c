from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("uploads", "0011_refused_loans"),
    ]

    operations = [
        AddIndexConcurrently(
            "rowissue",
            models.Index(
                condition=~models.Q(loan_number=""),
                fields=["upload", "loan_number"],
                name="ix_issue_loan_number",
            ),
        ),
        AddIndexConcurrently(
            "rowissue",
            models.Index(
                condition=~models.Q(primary_phone=""),
                fields=["primary_phone"],
                name="ix_issue_primary_phone",
            ),
        ),
    ]
