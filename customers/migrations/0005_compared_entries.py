import django.contrib.postgres.fields
from django.db import migrations, models

OUTCOMES = [
    ("worse", "worse"),
    ("better", "better"),
    ("unchanged", "unchanged"),
    ("new", "new"),
    ("gone", "gone"),
    ("unreadable", "not readable in the later file"),
    ("unreadable_before", "not readable in the earlier file"),
    ("other_phone", "under another phone than before"),
]
KNOWN = "upload_compared_groups_outcome_known"


def ids() -> models.Field:
    return django.contrib.postgres.fields.ArrayField(
        base_field=models.UUIDField(), size=None
    )


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0004_lender_files"),
    ]

    operations = [
        # Worked out anew when somebody asks: nothing that is not in the entries.
        migrations.RunSQL(
            "TRUNCATE upload_compared_groups, upload_comparisons",
            "TRUNCATE upload_compared_groups, upload_comparisons",
        ),
        migrations.RemoveConstraint("comparedgroup", KNOWN),
        migrations.RemoveField("comparedgroup", "earlier_lines"),
        migrations.RemoveField("comparedgroup", "later_lines"),
        migrations.AddField(
            "comparedgroup", "earlier_ids", ids(), preserve_default=True
        ),
        migrations.AddField("comparedgroup", "later_ids", ids(), preserve_default=True),
        migrations.AlterField(
            "comparedgroup",
            "outcome",
            models.CharField(choices=OUTCOMES, max_length=20),
        ),
        migrations.AddConstraint(
            "comparedgroup",
            models.CheckConstraint(
                condition=models.Q(outcome__in=[name for name, _ in OUTCOMES]),
                name=KNOWN,
            ),
        ),
        migrations.AddField(
            "comparison",
            "basis",
            models.JSONField(
                db_default=[],
                default=list,
                help_text="Of each upload: its id, its rows loaded, refused and erased.",
            ),
        ),
    ]
