"""Every address of the API, by its own tenant's program and by a stranger's."""

import logging
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import IntegrityError, OperationalError
from django.db.models import Model
from django.test import Client
from django.urls import get_resolver

from config.api_urls import urlpatterns
from config.tests.api_rows import (
    LISTS,
    at,
    make_contact,
    make_customer,
    make_row_of_upload,
    make_upload_of_a_bad_row,
)
from customers.models import Customer
from tenants.api_errors import answer_error
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory
from tenants.tests.programs import program_of
from uploads.models import FileUpload
from uploads.tests.factories import FileUploadFactory, make_upload

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("kept_files")]

ROWS: dict[str, Callable[[Tenant], Model]] = {
    "contacts/{}/": make_contact,
    "contacts/{}/messages/": make_contact,
    "customers/{}/": make_customer,
    "uploads/{}/": make_row_of_upload,
    "uploads/{}/issues/": make_row_of_upload,
    "uploads/{}/rejected/": make_upload_of_a_bad_row,
}
ACTS = ["pause", "resume", "cancel", "retry", "again", "undo"]
OPEN = {"v1/schema/", "v1/docs/", ""}


def test_every_address_is_in_the_tables_below() -> None:
    there = {str(one.pattern) for one in urlpatterns} - OPEN
    named = {
        *LISTS,
        *ROWS,
        "uploads/{}/mapping/",
        *(f"uploads/{{}}/{act}/" for act in ACTS),
    }

    assert len(there) == len(named)
    assert "api/" in {str(one.pattern) for one in get_resolver().url_patterns}


@pytest.mark.parametrize("path", LISTS)
def test_a_list_has_the_tenants_rows_and_takes_no_other_tenant(path: str) -> None:
    ours, theirs = (LISTS[path](TenantFactory.create()) for _ in range(2))
    program = program_of(ours.tenant)

    listed, *others = (
        program.get(at(path), query)
        for query in (
            {},
            {"tenant": theirs.tenant_id},
            {"tenant_id": theirs.tenant_id},
        )
    )

    shown = [one["id"] for one in listed.json()["results"]]
    assert shown == [ours.pk] or shown == [str(ours.pk)]
    assert [one.status_code for one in others] == [400, 400]


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

    assert [one.status_code for one in answers] == [400, 400]
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
    assert str(error) not in caplog.text


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
