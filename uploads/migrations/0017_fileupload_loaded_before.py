import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("uploads", "0016_columnmapping_units")]

    operations = [
        migrations.AddField(
            model_name="fileupload",
            name="loaded_before",
            field=models.ForeignKey(
                blank=True,
                help_text="The upload of the same bytes that was loaded before, while "
                "somebody has to say whether this one is to be loaded too.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="uploads.fileupload",
            ),
        ),
        migrations.AddField(
            model_name="fileupload",
            name="is_never_readable",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Of a kind that holds no table, such as a picture: trying it "
                "again cannot help.",
            ),
        ),
        migrations.AlterField(
            model_name="uploadact",
            name="act",
            field=models.CharField(
                choices=[
                    ("sent", "sent"),
                    ("started", "looked at and started"),
                    ("paused", "paused"),
                    ("resumed", "resumed"),
                    ("cancelled", "cancelled"),
                    ("again", "said to be loaded again"),
                    ("retried", "tried again"),
                    ("undone", "undone"),
                    ("exported", "refused rows downloaded"),
                    ("compared", "comparison with another file downloaded"),
                    ("purged", "kept file deleted"),
                ],
                max_length=16,
            ),
        ),
    ]
