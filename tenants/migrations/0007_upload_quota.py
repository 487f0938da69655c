from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0006_clients_that_only_read"),
    ]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="max_kept_mb",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="MB that its kept files may take; 0: any; blank: as everywhere.",
                null=True,
                verbose_name="room for customer files",
            ),
        ),
        migrations.AddField(
            model_name="tenant",
            name="max_unfinished_uploads",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="How many may be unfinished; 0: any number; blank: as everywhere.",
                null=True,
                verbose_name="customer files at once",
            ),
        ),
    ]
