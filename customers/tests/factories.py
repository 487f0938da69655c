import hashlib

import factory

from customers.models import Customer
from tenants.tests.factories import TenantFactory


class UploadRowFactory(factory.django.DjangoModelFactory):
    """An upload as a row only; its app stands above this one."""

    class Meta:
        model = "uploads.FileUpload"

    original_name = "overdue.csv"


class CustomerFactory(factory.django.DjangoModelFactory[Customer]):
    class Meta:
        model = Customer

    tenant = factory.SubFactory(TenantFactory)
    upload = factory.SubFactory(
        UploadRowFactory, tenant=factory.SelfAttribute("..tenant")
    )
    row_number = factory.Sequence(lambda n: n + 2)
    full_name = factory.Faker("name", locale="en_IN")
    primary_phone = factory.Sequence(lambda n: f"+9198{n:08}")
    fingerprint = factory.Sequence(
        lambda n: hashlib.md5(str(n).encode(), usedforsecurity=False).hexdigest()
    )
