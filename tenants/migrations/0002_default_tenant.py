"""Make tenant 1, and let later tenants get ids past it."""

from django.db import migrations

# The same statement that the operators' checklist gives by hand; with an explicit id
# the sequence stands still, so it is moved past the highest id.
MAKE_DEFAULT_TENANT = """
INSERT INTO tenants (id, name, slug) VALUES (1, 'Default Tenant', 'default')
ON CONFLICT (id) DO NOTHING;
SELECT setval(pg_get_serial_sequence('tenants', 'id'), (SELECT max(id) FROM tenants));
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_initial")]

    operations = [
        # Going back drops the table, which takes the row with it.
        migrations.RunSQL(MAKE_DEFAULT_TENANT, reverse_sql=migrations.RunSQL.noop),
    ]
