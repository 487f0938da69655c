import pytest
from django.contrib.auth.models import User
from django.db import connection

from contacts.models import Contact
from contacts.tests.factories import ContactFactory
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory


@pytest.fixture
def tenant(db: None) -> Tenant:
    return TenantFactory.create(slug="lender")


@pytest.fixture
def old_database(db: None) -> None:
    """A database of the old service: the unique index is missing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE contacts DROP CONSTRAINT contacts_tenant_id_phone_number_key"
        )


@pytest.fixture
def contact(clerk: User) -> Contact:
    return ContactFactory.create(
        tenant=clerk.memberships.get().tenant,
        phone_number="919876543210",
        name="Asha V",
        name_source="profile",
        profile_name="Asha V",
        message_count=3,
    )
