"""Let a tenant name the field in which its Flows ask for an e-mail address."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0002_default_tenant")]

    operations = [
        migrations.AddField(
            "tenant",
            "flow_email_field",
            models.CharField(
                verbose_name="e-mail field of Flows",
                max_length=100,
                blank=True,
                default="email",
                db_default="email",
                help_text="The name of the Flow's field in which customers state their "
                "own e-mail address; blank: none is taken.",
            ),
        ),
    ]
