"""Leave a number with its tenant once messages or reports came by it.

A replay routes by the number: moved, it would bring one tenant's people to another.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("messaging", "0007_message_updated_at"),
        ("tenants", "0007_upload_quota"),
    ]

    operations = [
        migrations.RunSQL(
            """
            CREATE FUNCTION refuse_to_move_number() RETURNS trigger LANGUAGE plpgsql AS
            $$
            BEGIN
                IF EXISTS (
                    SELECT FROM chat_messages WHERE whatsapp_number_id = OLD.id
                ) OR EXISTS (
                    SELECT FROM message_statuses WHERE whatsapp_number_id = OLD.id
                ) THEN
                    RAISE check_violation USING
                        CONSTRAINT = 'whatsapp_numbers_stay_with_their_tenant',
                        MESSAGE = 'Number ' || OLD.id
                            || ' is in use: its tenant and phone_number_id stay.';
                END IF;
                RETURN NEW;
            END
            $$;
            CREATE TRIGGER whatsapp_numbers_stay_with_their_tenant
                BEFORE UPDATE OF tenant_id, phone_number_id ON whatsapp_numbers
                FOR EACH ROW
                WHEN (
                    (OLD.tenant_id, OLD.phone_number_id)
                    IS DISTINCT FROM (NEW.tenant_id, NEW.phone_number_id)
                )
                EXECUTE FUNCTION refuse_to_move_number();
            """,
            """
            DROP TRIGGER whatsapp_numbers_stay_with_their_tenant ON whatsapp_numbers;
            DROP FUNCTION refuse_to_move_number();
            """,
        )
    ]
