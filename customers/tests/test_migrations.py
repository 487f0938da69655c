from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from customers.models import Customer
from tenants.tests.factories import TenantFactory
from uploads.models import FileUpload

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def come_back() -> Iterator[None]:
    yield
    Customer.objects.all().delete()
    call_command("migrate", "customers", verbosity=0)


def constraints() -> set[str]:
    with connection.cursor() as cursor:
        return set(connection.introspection.get_constraints(cursor, "customers"))


def enter(*phones: str) -> None:
    upload = FileUpload.objects.create(
        tenant=TenantFactory.create(), original_name="dues.csv", sha256="0" * 64
    )
    for line, phone in enumerate(phones, start=2):
        Customer.objects.create(
            tenant=upload.tenant,
            upload=upload,
            row_number=line,
            full_name="Ravi Kumar",
            primary_phone=phone,
            fingerprint=f"{line:032x}",
        )


def test_the_old_constraint_comes_back_and_goes_while_every_phone_is_one() -> None:
    enter("+919876543210", "+919876543211")

    call_command("migrate", "customers", "0001", verbosity=0)
    assert "uix_customer_primary_phone" in constraints()
    assert "ix_customer_fingerprint" not in constraints()

    call_command("migrate", "customers", verbosity=0)
    assert "uix_customer_primary_phone" not in constraints()
    assert "ix_customer_fingerprint" in constraints()


def test_the_way_back_explains_itself_and_changes_nothing_once_a_phone_repeats() -> (
    None
):
    enter("+919876543210", "+919876543210")

    with pytest.raises(CommandError, match=r"1 phone number\(s\)") as refusal:
        call_command("migrate", "customers", "0001", verbosity=0)

    assert "Nothing was changed" in str(refusal.value)
    assert "9876543210" not in str(refusal.value)
    assert "ix_customer_fingerprint" in constraints()
    assert Customer.objects.count() == 2
