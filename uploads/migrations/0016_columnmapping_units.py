from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("uploads", "0015_headers_with_signs")]

    operations = [
        migrations.AddField(
            model_name="columnmapping",
            name="units",
            field=models.JSONField(
                db_default={},
                default=dict,
                help_text="By field, in what its amounts are counted, where the "
                "header names another unit than rupees.",
            ),
        ),
    ]
