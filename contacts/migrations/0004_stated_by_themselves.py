"""Keep what people state of themselves: an e-mail address, a wish about marketing."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contacts", "0003_order_of_the_list")]

    operations = [
        migrations.AddField(
            "contact",
            "email_source",
            models.CharField(
                max_length=16,
                choices=[
                    ("staff", "staff"),
                    ("flow", "their answer in a Flow"),
                    ("", "unknown"),
                ],
                blank=True,
                default="",
                db_default="",
                editable=False,
            ),
        ),
        migrations.AddField(
            "contact",
            "stated_email",
            models.EmailField(
                max_length=254, blank=True, default="", db_default="", editable=False
            ),
        ),
        migrations.AddField(
            "contact",
            "stated_email_at",
            models.DateTimeField(null=True, editable=False),
        ),
        migrations.AddField(
            "contact",
            "marketing_preference",
            models.CharField(
                max_length=16,
                choices=[
                    ("stop", "stopped"),
                    ("resume", "allowed again"),
                    ("", "nothing said"),
                ],
                blank=True,
                default="",
                db_default="",
                editable=False,
            ),
        ),
        migrations.AddField(
            "contact",
            "marketing_preference_at",
            models.DateTimeField(null=True, editable=False),
        ),
        migrations.AddConstraint(
            "contact",
            models.CheckConstraint(
                condition=models.Q(marketing_preference__in=["", "stop", "resume"]),
                name="contacts_marketing_preference_known",
            ),
        ),
    ]
