"""Lists of the API in pages: every row once, as quick at the end as at the start."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.tests import poison
from config.tests.api_rows import LINES, LISTS, at
from contacts.tests.factories import ContactFactory
from messaging.tests.factories import ChatMessageFactory
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory
from tenants.tests.programs import program_of
from uploads.models import RowIssue
from uploads.tests.factories import FileUploadFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("kept_files")]


def fill(path: str, tenant: Tenant, count: int) -> str:
    """Make `count` more rows of a list; return its address."""
    if path in LISTS:
        for _ in range(count):
            LISTS[path](tenant)
        return at(path)
    if "messages" in path:
        contact = tenant.contacts.first() or ContactFactory.create(tenant=tenant)
        ChatMessageFactory.create_batch(count, contact=contact)
        return at(path, contact.pk)
    upload = tenant.uploads.first() or FileUploadFactory.create(tenant=tenant)
    for _ in range(count):
        RowIssue.objects.create(
            upload=upload, line=next(LINES), code="x", message="No."
        )
    return at(path, upload.pk)


PAGED = [*LISTS, "contacts/{}/messages/", "uploads/{}/issues/"]


@pytest.mark.parametrize("path", PAGED)
def test_a_full_page_takes_as_many_queries_as_a_row(path: str) -> None:
    tenant = TenantFactory.create()
    program = program_of(tenant)
    address = fill(path, tenant, 1)
    with CaptureQueriesContext(connection) as of_one:
        program.get(address)

    fill(path, tenant, 30)
    with CaptureQueriesContext(connection) as of_many:
        answer = program.get(address)

    assert len(answer.json()["results"]) == 31
    # Why uploads wait takes three more, for any number of them.
    most = 6 if path == "uploads/" else 3
    assert len(of_many) == len(of_one) <= most
    assert not any("COUNT(" in query["sql"] for query in of_many)


@pytest.mark.parametrize("path", PAGED)
def test_pages_have_every_row_once_in_the_lists_order(path: str) -> None:
    tenant = TenantFactory.create()
    program = program_of(tenant)
    address = fill(path, tenant, 7)
    whole = program.get(address).json()

    pages = list(walk(program, f"{address}?limit=3"))

    assert [len(page) for page in pages] == [3, 3, 1]
    assert [one for page in pages for one in page] == whole["results"]
    assert whole["next"] is None


def walk(program: Client, address: str | None) -> Iterator[list[Any]]:
    while address:
        page = program.get(address).json()
        yield page["results"]
        address = page["next"]


def test_a_page_has_at_most_200_rows() -> None:
    tenant = TenantFactory.create()
    ContactFactory.create_batch(201, tenant=tenant)

    answer = program_of(tenant).get(at("contacts/"), {"limit": "1000000"}).json()

    assert len(answer["results"]) == 200
    assert answer["next"]


@pytest.mark.parametrize("limit", ["0", "-1", "ten", "1.5", "٣"])
def test_a_limit_that_is_none_is_refused_in_a_sentence(limit: str) -> None:
    answer = program_of(TenantFactory.create()).get(at("contacts/"), {"limit": limit})

    assert answer.status_code == 400
    assert answer.json() == {"detail": "limit: a number from 1 to 200."}


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "cursor",
    [
        "x", "!!!!", "bnVsbA", "WyJhIl0", "WzEsMl0", "W10", "W1tdLFtdXQ", "/" * 5000,
        "WyIyMDI2LTExLTIyVDA5OjAwOjAwIiwiMSJd",  # a time without a zone
        "टोकन", "\0", *poison.cursors(),
    ],
)  # fmt: skip
def test_a_cursor_that_is_not_ours_is_refused_in_a_sentence(
    path: str, cursor: str
) -> None:
    answer = program_of(TenantFactory.create()).get(at(path), {"cursor": cursor})

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("cursor: not one of ours.")


def test_a_strangers_cursor_leads_to_ones_own_rows_only() -> None:
    ours, theirs = (TenantFactory.create() for _ in range(2))
    for tenant in (ours, theirs):
        ContactFactory.create_batch(3, tenant=tenant)
    page = program_of(theirs).get(at("contacts/"), {"limit": 1}).json()

    answer = program_of(ours).get(page["next"]).json()

    own = set(ours.contacts.values_list("pk", flat=True))
    assert {one["id"] for one in answer["results"]} <= own
