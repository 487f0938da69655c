"""What holds for the house as a whole."""

import pytest
from django.core.management import call_command
from django.db import connection

TABLES = {
    "tenants",
    "whatsapp_numbers",
    "contacts",
    "contact_identities",
    "contact_merges",
    "webhook_events",
    "chat_messages",
    "message_media",
    "message_statuses",
    "customers",
    "file_uploads",
    "upload_parts",
    "upload_row_issues",
    "column_mappings",
    "api_clients",
}


@pytest.mark.django_db
def test_the_migrations_make_what_the_models_say() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.django_db
def test_the_tables_have_their_contracted_names() -> None:
    assert set(connection.introspection.table_names()) >= TABLES
