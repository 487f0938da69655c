import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("uploads", "0009_act_of_comparing"),
    ]

    operations = [
        migrations.CreateModel(
            name="UploadWork",
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
                    "kind",
                    models.CharField(
                        choices=[("read", "reading"), ("load", "loading")], max_length=8
                    ),
                ),
                (
                    "part_number",
                    models.PositiveIntegerField(
                        help_text="Of the part that is loaded; none while a file is read.",
                        null=True,
                    ),
                ),
                (
                    "worker",
                    models.CharField(
                        help_text="The host its process runs on.", max_length=200
                    ),
                ),
                ("pid", models.PositiveIntegerField()),
                ("started_at", models.DateTimeField()),
                (
                    "deadline_at",
                    models.DateTimeField(
                        help_text="When its process is killed, if it has not ended."
                    ),
                ),
                (
                    "upload",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="work",
                        to="uploads.fileupload",
                    ),
                ),
            ],
            options={
                "verbose_name": "work on an upload",
                "db_table": "upload_work",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["read", "load"])),
                        name="upload_work_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "load"), ("part_number__isnull", False)),
                            models.Q(("kind", "read"), ("part_number__isnull", True)),
                            _connector="OR",
                        ),
                        name="upload_work_part_of_loading",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("deadline_at__gte", models.F("started_at"))
                        ),
                        name="upload_work_deadline_after_start",
                    ),
                ],
            },
        ),
    ]
