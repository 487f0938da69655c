from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("uploads", "0012_refused_loans_indexes"),
    ]

    operations = [
        migrations.AddField(
            model_name="fileupload",
            name="rewritten_bytes",
            field=models.PositiveBigIntegerField(
                db_default=0,
                default=0,
                help_text="Of the copy of its rows, where they had to be rewritten.",
            ),
        ),
    ]
