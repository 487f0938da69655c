"""Stop asking for each message whether its contact exists.

When duplicates are merged, each message that moves was checked, and each contact that
goes: a quarter of PostgreSQL's work. Whoever writes a message holds its contact's row
(`contacts.services`), and a trigger keeps contacts that have messages from being
deleted, by whatever SQL: once a statement, however many go.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0001_initial"),
        ("messaging", "0005_events_by_span"),
    ]

    operations = [
        migrations.RunSQL(
            """
            CREATE FUNCTION refuse_contact_with_messages() RETURNS trigger LANGUAGE plpgsql AS
            $$
            DECLARE
                in_use bigint;
            BEGIN
                SELECT contact_id INTO in_use FROM chat_messages
                WHERE contact_id = ANY (ARRAY(SELECT id FROM gone));
                IF FOUND THEN
                    RAISE foreign_key_violation USING
                        MESSAGE = 'Contact ' || in_use
                            || ' has messages and cannot be deleted.';
                END IF;
                RETURN NULL;
            END
            $$;
            CREATE TRIGGER contacts_with_messages AFTER DELETE ON contacts
                REFERENCING OLD TABLE AS gone
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_contact_with_messages();
            """,
            """
            DROP TRIGGER contacts_with_messages ON contacts;
            DROP FUNCTION refuse_contact_with_messages();
            """,
        ),
        migrations.AlterField(
            "chatmessage",
            "contact",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                help_text="Empty for a system note about somebody unknown.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="messages",
                to="contacts.contact",
            ),
        ),
    ]
