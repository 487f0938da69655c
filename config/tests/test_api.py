"""Every address of the API, by its own tenant's program and by a stranger's."""

import itertools
import logging
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import IntegrityError, OperationalError, connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver

from config.api_urls import urlpatterns
from contacts.tests.factories import ContactFactory
from customers.models import Customer
from customers.tests.factories import CustomerFactory
from messaging.tests.factories import ChatMessageFactory
from tenants.api_errors import answer_error
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory
from tenants.tests.programs import program_of
from uploads.models import FileUpload, RowIssue
from uploads.tests.factories import FileUploadFactory, load, make_upload

pytestmark = pytest.mark.django_db

LINES = itertools.count(2)


@pytest.fixture(autouse=True)
def _kept_files(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "kept"


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
ROWS: dict[str, Callable[[Tenant], Model]] = {
    "contacts/{}/": make_contact,
    "contacts/{}/messages/": make_contact,
    "customers/{}/": make_customer,
    "uploads/{}/": make_row_of_upload,
    "uploads/{}/issues/": make_row_of_upload,
    "uploads/{}/rejected/": make_upload_of_a_bad_row,
}
ACTS = ["pause", "resume", "cancel", "retry", "undo"]
OPEN = {"v1/schema/", "v1/docs/", ""}


def at(path: str, *ids: object) -> str:
    return "/api/v1/" + path.format(*ids)


def test_every_address_is_in_the_tables_below() -> None:
    there = {str(one.pattern) for one in urlpatterns} - OPEN
    named = {*LISTS, *ROWS, *(f"uploads/{{}}/{act}/" for act in ACTS)}

    assert len(there) == len(named)
    assert "api/" in {str(one.pattern) for one in get_resolver().url_patterns}


@pytest.mark.parametrize("path", LISTS)
def test_a_list_has_the_tenants_rows_whatever_else_is_asked(path: str) -> None:
    ours, theirs = (LISTS[path](TenantFactory.create()) for _ in range(2))
    program = program_of(ours.tenant)

    for query in ({}, {"tenant": theirs.tenant_id}, {"tenant_id": theirs.tenant_id}):
        answer = program.get(at(path), query)
        shown = [one["id"] for one in answer.json()["results"]]
        assert shown == [ours.pk] or shown == [str(ours.pk)]


@pytest.mark.parametrize("path", ROWS)
def test_a_strangers_row_is_answered_like_none(path: str) -> None:
    row = ROWS[path](TenantFactory.create())
    own, stranger = program_of(row.tenant), program_of(TenantFactory.create())
    nothing = uuid.uuid4() if isinstance(row, Customer) else 987_654_321

    theirs, none = (stranger.get(at(path, pk)) for pk in (row.pk, nothing))

    assert own.get(at(path, row.pk)).status_code == 200
    assert (theirs.status_code, none.status_code) == (404, 404)
    assert theirs.content == none.content
    assert theirs.json()["detail"].startswith("Nothing is there.")


@pytest.mark.parametrize("act", ACTS)
def test_a_stranger_does_nothing_to_an_upload(act: str) -> None:
    upload = FileUploadFactory.create()
    stranger = program_of(TenantFactory.create())

    theirs, none = (
        stranger.post(at("uploads/{}/{}/", pk, act)) for pk in (upload.pk, 987_654_321)
    )

    assert (theirs.status_code, none.status_code) == (404, 404)
    assert theirs.content == none.content
    before = FileUpload.objects.filter(pk=upload.pk).values().get()
    assert (before["status"], upload.acts.count()) == ("pending", 0)


@pytest.mark.parametrize("path", [*LISTS, *ROWS])
def test_a_token_that_only_reads_reads_everything(path: str) -> None:
    row = (LISTS | ROWS)[path](TenantFactory.create())
    reader = program_of(row.tenant, read_only=True)

    assert reader.get(at(path, row.pk)).status_code == 200


@pytest.mark.parametrize(
    "path", ["uploads/", *(f"uploads/{{}}/{act}/" for act in ACTS)]
)
def test_a_token_that_only_reads_changes_nothing(path: str) -> None:
    upload = make_upload()
    reader = program_of(upload.tenant, read_only=True)
    before = FileUpload.objects.values().get()

    answers = [
        reader.post(
            at(path, pk), {"file": SimpleUploadedFile("a.csv", b"Name,Mobile\nA,12\n")}
        )
        for pk in (upload.pk, make_upload().pk, 987_654_321)
    ]

    # Its own, a stranger's, nobody's: one answer.
    assert [one.status_code for one in answers] == [403, 403, 403]
    assert {one.content for one in answers} == {answers[0].content}
    assert answers[0].json() == {
        "detail": "This token may only read: have one issued that may write."
    }
    assert FileUpload.objects.values().get(pk=upload.pk) == before
    assert FileUpload.objects.filter(tenant=upload.tenant).count() == 1


def test_a_strangers_upload_is_no_parent() -> None:
    theirs = make_upload()
    tenant = TenantFactory.create()

    answers = [
        program_of(tenant).post(
            at("uploads/"),
            {"file": SimpleUploadedFile("a.csv", b"Name\n"), "parent": parent},
        )
        for parent in (theirs.pk, 987_654_321)
    ]

    assert [one.status_code for one in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    assert not FileUpload.objects.filter(tenant=tenant).exists()


@pytest.mark.parametrize(
    "path",
    [*LISTS, *(path.format(1) for path in ROWS if "customers" not in path)]
    + [f"uploads/1/{act}/" for act in ACTS],
)
def test_nothing_is_told_without_a_token(path: str, client: Client) -> None:
    answers = client.get(at(path)), client.post(at(path))

    assert [one.status_code for one in answers] == [401, 401]
    assert [one["WWW-Authenticate"] for one in answers] == ["Bearer", "Bearer"]


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
    assert len(of_many) == len(of_one) <= 3
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


@pytest.mark.parametrize("limit", ["0", "-1", "ten", "1.5", "", "٣"])
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
        "टोकन", "\0",
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


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("get", "v1/contacts", 404),
        ("post", "v1/uploads", 404),
        ("get", "v1/contacts/x/", 404),
        ("get", f"v1/contacts/{10**30}/", 404),
        ("get", "v1/customers/1/", 404),
        ("get", "v2/", 404),
        ("get", "", 404),
        ("put", "v1/contacts/", 405),
        ("delete", "v1/uploads/", 405),
        ("options", "v1/contacts/", 405),
        ("post", "v1/uploads/", 415),
    ],
)
def test_what_cannot_be_done_is_told_in_json(method: str, path: str, code: int) -> None:
    program = program_of(TenantFactory.create())
    body = {} if method == "get" else {"content_type": "application/json"}

    answer = getattr(program, method)(f"/api/{path}", **body)

    assert answer.status_code == code
    assert list(answer.json()) == ["detail"]
    assert answer["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (OperationalError("FATAL: no route to host"), 503, "does not answer"),
        (RequestDataTooBig("4 MB"), 413, "too large"),
        (SuspiciousOperation("a thousand fields"), 400, "cannot be read"),
        (IntegrityError("key (phone)=(9198) exists"), 500, "Something went wrong"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_says_nothing_of_the_inside(
    error: Exception, code: int, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)

    answer = answer_error(error, {})

    assert answer.status_code == code
    assert says in answer.data["detail"]
    assert str(error) not in str(answer.data)
    assert bool(caplog.records) == (code >= 500)


def test_the_schema_is_valid_and_nothing_in_it_was_guessed(tmp_path: Path) -> None:
    call_command(
        "spectacular", "--validate", "--fail-on-warn", file=str(tmp_path / "schema")
    )


def test_the_schema_and_its_page_are_open_to_all(client: Client) -> None:
    schema, page = client.get(at("schema/")), client.get(at("docs/"))

    assert (schema.status_code, page.status_code) == (200, 200)
    assert "/api/v1/uploads/{upload_id}/undo/" in schema.json()["paths"]
    # The page runs under the policy that every other page has.
    assert "<script>" not in page.content.decode()
    assert "//" not in page.content.decode().replace("http://testserver", "")
