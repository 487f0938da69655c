"""Stop asking for each message whether its number, tenant and event exist.

Three checks a row took as long as writing it. Writers hold the number's and the event's
rows instead (`messaging.rows.lock_numbers`, `messaging.events`), and a trigger keeps a
number that has messages or statuses from being deleted, by whatever SQL.
"""

import django.db.models.deletion
from django.db import migrations, models

_TENANT = models.ForeignKey(
    db_constraint=False,
    db_index=False,
    on_delete=django.db.models.deletion.PROTECT,
    related_name="+",
    to="tenants.tenant",
)
_NUMBER = models.ForeignKey(
    db_constraint=False,
    db_index=False,
    on_delete=django.db.models.deletion.PROTECT,
    related_name="+",
    to="tenants.whatsappnumber",
)


def _event(related_name: str) -> models.ForeignKey:
    return models.ForeignKey(
        db_constraint=False,
        null=True,
        on_delete=django.db.models.deletion.SET_NULL,
        related_name=related_name,
        to="messaging.webhookevent",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("messaging", "0003_events_await_people"),
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(
            """
            CREATE FUNCTION refuse_number_in_use() RETURNS trigger LANGUAGE plpgsql AS
            $$
            BEGIN
                IF EXISTS (
                    SELECT FROM chat_messages WHERE whatsapp_number_id = OLD.id
                ) OR EXISTS (
                    SELECT FROM message_statuses WHERE whatsapp_number_id = OLD.id
                ) THEN
                    RAISE foreign_key_violation USING
                        MESSAGE = 'WhatsApp number ' || OLD.id
                            || ' has messages or statuses and cannot be deleted.';
                END IF;
                RETURN OLD;
            END
            $$;
            CREATE TRIGGER whatsapp_numbers_in_use BEFORE DELETE ON whatsapp_numbers
                FOR EACH ROW EXECUTE FUNCTION refuse_number_in_use();
            """,
            """
            DROP TRIGGER whatsapp_numbers_in_use ON whatsapp_numbers;
            DROP FUNCTION refuse_number_in_use();
            """,
        ),
        migrations.AlterField("chatmessage", "tenant", _TENANT),
        migrations.AlterField("chatmessage", "whatsapp_number", _NUMBER),
        migrations.AlterField("chatmessage", "event", _event("messages")),
        migrations.AlterField("messagestatus", "tenant", _TENANT),
        migrations.AlterField("messagestatus", "whatsapp_number", _NUMBER),
        migrations.AlterField("messagestatus", "event", _event("statuses")),
    ]
