"""Have each part belong to one reading of its upload's file."""

from django.db import migrations, models

# Those of a reading whose columns were confirmed as others since: the file is read again.
_DELETE_OLD_PARTS = """
DELETE FROM upload_parts USING file_uploads
WHERE file_uploads.id = upload_parts.upload_id
  AND file_uploads.stage IN ('file_upload', 'csv_parse')
  AND file_uploads.status <> 'review'
"""
_ADD_FOREIGN_KEY = """
ALTER TABLE upload_parts ADD CONSTRAINT upload_parts_upload_id_reading_fkey
FOREIGN KEY (upload_id, reading) REFERENCES file_uploads (id, reading)
"""
_DROP_FOREIGN_KEY = """
ALTER TABLE upload_parts DROP CONSTRAINT upload_parts_upload_id_reading_fkey
"""


class Migration(migrations.Migration):
    dependencies = [
        ("uploads", "0013_rewritten_bytes"),
    ]

    operations = [
        migrations.AddField(
            model_name="fileupload",
            name="reading",
            field=models.PositiveIntegerField(
                db_default=0,
                default=0,
                help_text="Number of the reading that its parts are of: one more each "
                "time its file is read, or its columns are confirmed as others than "
                "were read.",
            ),
        ),
        migrations.AddField(
            model_name="uploadpart",
            name="reading",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddConstraint(
            model_name="fileupload",
            constraint=models.UniqueConstraint(
                fields=("id", "reading"), name="file_uploads_id_reading_key"
            ),
        ),
        migrations.RunSQL(_DELETE_OLD_PARTS, migrations.RunSQL.noop),
        migrations.RunSQL(_ADD_FOREIGN_KEY, _DROP_FOREIGN_KEY),
    ]
