from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("uploads", "0010_upload_work"),
    ]

    operations = [
        migrations.AddField(
            "rowissue",
            "loan_number",
            models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            "rowissue",
            "primary_phone",
            models.CharField(blank=True, db_default="", default="", max_length=20),
        ),
    ]
