"""The index that keeps a number to one contact, in a database that lacks it."""

from collections.abc import Iterator

import pytest
from django.core.management import CommandError
from django.db import IntegrityError, connection

from contacts.models import Contact
from contacts.tests.dedupes import ASHA, ask, run, twice
from contacts.tests.factories import ContactFactory
from contacts.unique_number import has_unique_number
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory


def test_a_missing_index_is_named_with_the_statements_that_add_it(
    tenant: Tenant, old_database: None
) -> None:
    told = run()

    assert (
        "CREATE UNIQUE INDEX CONCURRENTLY contacts_tenant_id_phone_number_key "
        "ON contacts (tenant_id, phone_number);"
    ) in told
    assert "USING INDEX contacts_tenant_id_phone_number_key;" in told


def test_an_index_that_is_there_is_not_talked_about(tenant: Tenant) -> None:
    assert "INDEX" not in run()
    assert ask()["unique_index"] is True


@pytest.fixture
def without_index(transactional_db: None) -> Iterator[None]:
    """An old database outside a transaction; whatever happens, mended at the end."""
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE contacts DROP CONSTRAINT contacts_tenant_id_phone_number_key"
        )
    yield
    Contact.objects.all().delete()
    if not has_unique_number():
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX IF EXISTS contacts_tenant_id_phone_number_key")
            cursor.execute(
                "ALTER TABLE contacts ADD CONSTRAINT"
                " contacts_tenant_id_phone_number_key UNIQUE (tenant_id, phone_number)"
            )


@pytest.mark.django_db(transaction=True)
def test_the_index_is_added_once_nobody_is_there_twice(without_index: None) -> None:
    tenant = TenantFactory.create(slug="lender")
    twice(tenant)

    with pytest.raises(CommandError, match="a number stands twice"):
        run("--add-index")
    assert Contact.objects.count() == 2
    assert ask("--apply", "--add-index")["unique_index"] is True

    with pytest.raises(IntegrityError, match="contacts_tenant_id_phone_number_key"):
        ContactFactory.create(tenant=tenant, phone_number=ASHA)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_constraint"
            " WHERE conname = 'contacts_tenant_id_phone_number_key' AND contype = 'u'"
        )
        assert cursor.fetchone() == (1,)
