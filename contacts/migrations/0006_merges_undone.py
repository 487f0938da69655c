"""Record what an undo of a merge needs, and who undid it."""

import django.core.serializers.json
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0005_marketing_stopped"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            "contactmerge",
            "survivor_after",
            models.JSONField(
                encoder=django.core.serializers.json.DjangoJSONEncoder,
                default=dict,
                db_default={},
                help_text="What the merge changed of them: what differs since came later.",
            ),
        ),
        migrations.AddField(
            "contactmerge",
            "given_identity_id",
            models.BigIntegerField(
                null=True,
                help_text="The identity that the merge made for the merged contact's number.",
            ),
        ),
        migrations.AddField(
            "contactmerge",
            "undone_by",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]
