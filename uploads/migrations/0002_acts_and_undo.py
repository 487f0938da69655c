"""What becomes of an upload after it came: pause, undo, mended files, retention."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("uploads", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="UploadAct",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "act",
                    models.CharField(
                        choices=[
                            ("sent", "sent"),
                            ("paused", "paused"),
                            ("resumed", "resumed"),
                            ("cancelled", "cancelled"),
                            ("retried", "tried again"),
                            ("undone", "undone"),
                            ("exported", "refused rows downloaded"),
                            ("purged", "kept file deleted"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                (
                    "row_count",
                    models.PositiveIntegerField(
                        db_default=0, default=0, help_text="Rows undone or downloaded."
                    ),
                ),
            ],
            options={
                "db_table": "upload_acts",
                "ordering": ["id"],
            },
        ),
        migrations.AddField(
            model_name="fileupload",
            name="parent",
            field=models.ForeignKey(
                blank=True,
                help_text="The upload whose refused rows, mended, this file brings again.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="corrections",
                to="uploads.fileupload",
            ),
        ),
        migrations.AddField(
            model_name="fileupload",
            name="purged_at",
            field=models.DateTimeField(
                help_text="When the kept file was deleted, at its retention's end.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="fileupload",
            name="undone_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="fileupload",
            name="undone_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="fileupload",
            name="undone_rows",
            field=models.PositiveIntegerField(
                db_default=0, default=0, help_text="Entries that the undo took out."
            ),
        ),
        migrations.AddField(
            model_name="uploadpart",
            name="failures",
            field=models.PositiveSmallIntegerField(
                db_default=0, default=0, help_text="Attempts that ended with an error."
            ),
        ),
        migrations.AddConstraint(
            model_name="fileupload",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "undone"), _negated=True),
                    ("undone_at__isnull", False),
                    _connector="OR",
                ),
                name="file_uploads_undo_recorded",
            ),
        ),
        migrations.AddField(
            model_name="uploadact",
            name="by",
            field=models.ForeignKey(
                help_text="None: the command line, or the system by itself.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="uploadact",
            name="upload",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="acts",
                to="uploads.fileupload",
            ),
        ),
        migrations.AddIndex(
            model_name="uploadact",
            index=models.Index(fields=["upload", "id"], name="ix_act_upload"),
        ),
    ]
