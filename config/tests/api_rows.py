"""A row of each kind that the API shows, and where it shows them."""

import itertools
from collections.abc import Callable

from django.db.models import Model

from contacts.tests.factories import ContactFactory
from customers.models import Customer
from customers.tests.factories import CustomerFactory
from tenants.models import Tenant
from uploads.tests.factories import FileUploadFactory, load

LINES = itertools.count(2)


def make_customer(tenant: Tenant) -> Customer:
    upload = FileUploadFactory.create(tenant=tenant, total_rows=1, succeeded_rows=1)
    return CustomerFactory.create(tenant=tenant, upload=upload)


def make_contact(tenant: Tenant) -> Model:
    return ContactFactory.create(tenant=tenant)


def make_row_of_upload(tenant: Tenant) -> Model:
    return FileUploadFactory.create(tenant=tenant)


def make_upload_of_a_bad_row(tenant: Tenant) -> Model:
    return load("Name,Mobile\nAsha,12\n", tenant=tenant)


LISTS: dict[str, Callable[[Tenant], Model]] = {
    "contacts/": make_contact,
    "customers/": make_customer,
    "uploads/": make_row_of_upload,
}


def at(path: str, *ids: object) -> str:
    return "/api/v1/" + path.format(*ids)
