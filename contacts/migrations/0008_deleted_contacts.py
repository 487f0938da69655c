"""Keep that a contact is gone, for programs that keep a copy of contacts.

A trigger does it, once a statement, whatever deletes the contact. What was merged
before is gone too.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0001_initial"),
        ("contacts", "0007_merges_without_checks"),
    ]

    operations = [
        migrations.CreateModel(
            name="DeletedContact",
            fields=[
                (
                    "contact_id",
                    models.BigIntegerField(primary_key=True, serialize=False),
                ),
                ("updated_at", models.DateTimeField()),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "db_table": "deleted_contacts",
                "indexes": [
                    models.Index(
                        fields=["tenant", "updated_at", "contact_id"],
                        name="ix_deleted_contact_updated",
                    )
                ],
            },
        ),
        migrations.RunSQL(
            """
            INSERT INTO deleted_contacts (contact_id, tenant_id, updated_at)
            SELECT merged_contact_id, tenant_id, max(merged_at) FROM contact_merges
            WHERE undone_at IS NULL
                AND NOT EXISTS (SELECT FROM contacts WHERE id = merged_contact_id)
            GROUP BY merged_contact_id, tenant_id
            ON CONFLICT DO NOTHING;

            CREATE FUNCTION record_deleted_contacts() RETURNS trigger
            LANGUAGE plpgsql AS
            $$
            BEGIN
                INSERT INTO deleted_contacts (contact_id, tenant_id, updated_at)
                SELECT id, tenant_id, clock_timestamp() FROM gone ORDER BY id
                ON CONFLICT (contact_id) DO UPDATE SET
                    tenant_id = EXCLUDED.tenant_id, updated_at = EXCLUDED.updated_at;
                RETURN NULL;
            END
            $$;
            CREATE TRIGGER contacts_deleted AFTER DELETE ON contacts
                REFERENCING OLD TABLE AS gone
                FOR EACH STATEMENT EXECUTE FUNCTION record_deleted_contacts();
            """,
            """
            DROP TRIGGER contacts_deleted ON contacts;
            DROP FUNCTION record_deleted_contacts();
            """,
        ),
    ]
