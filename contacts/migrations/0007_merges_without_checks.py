"""Stop asking for each merge whether its survivor and its tenant exist.

Four checks a merge took longer than writing it down. Whoever records a merge holds the
survivor's row, and a trigger keeps contacts that have merges from being deleted, by
whatever SQL: once a statement, however many go. The tenant is the survivor's, which has
a foreign key to it.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contacts", "0006_merges_undone")]

    operations = [
        migrations.RunSQL(
            """
            CREATE FUNCTION refuse_survivor_of_merges() RETURNS trigger
            LANGUAGE plpgsql AS
            $$
            DECLARE
                in_use bigint;
            BEGIN
                SELECT survivor_id INTO in_use FROM contact_merges
                WHERE survivor_id = ANY (ARRAY(SELECT id FROM gone));
                IF FOUND THEN
                    RAISE foreign_key_violation USING
                        MESSAGE = 'Contact ' || in_use
                            || ' has records of merges and cannot be deleted.';
                END IF;
                RETURN NULL;
            END
            $$;
            CREATE TRIGGER contacts_with_merges AFTER DELETE ON contacts
                REFERENCING OLD TABLE AS gone
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_survivor_of_merges();
            """,
            """
            DROP TRIGGER contacts_with_merges ON contacts;
            DROP FUNCTION refuse_survivor_of_merges();
            """,
        ),
        migrations.AlterField(
            "contactmerge",
            "tenant",
            models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="tenants.tenant",
            ),
        ),
        migrations.AlterField(
            "contactmerge",
            "survivor",
            models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="absorbed_merges",
                to="contacts.contact",
            ),
        ),
    ]
