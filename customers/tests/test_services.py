import pytest

from customers.models import Customer
from customers.services import remove_entries
from customers.tests.factories import CustomerFactory
from tenants.tests.factories import TenantFactory

pytestmark = pytest.mark.django_db


def test_an_uploads_entries_are_removed_and_no_others() -> None:
    entry, other = CustomerFactory.create(), CustomerFactory.create()

    removed = remove_entries(tenant=entry.tenant, upload_id=entry.upload_id)

    assert removed == 1
    assert Customer.objects.get() == other


def test_a_strangers_upload_has_no_entries_to_remove() -> None:
    entry = CustomerFactory.create()

    removed = remove_entries(tenant=TenantFactory.create(), upload_id=entry.upload_id)

    assert removed == 0
    assert Customer.objects.get() == entry
