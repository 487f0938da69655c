"""What a cache may keep: of what is somebody's, nothing, not even past a logout."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse

from config.tests.api_rows import LISTS, at, make_upload_of_a_bad_row
from config.tests.rows import CLOSED_MAKERS, MAKERS
from messaging.tests.factories import StoredMediaFactory
from messaging.tests.kept_files import address_of, log_in_staff_of
from tenants.api import ClientThrottle
from tenants.tests.factories import TenantFactory
from tenants.tests.programs import program_of
from uploads.tests.factories import load

pytestmark = pytest.mark.django_db

LABELS = [model._meta.label for model in admin.site._registry]


def is_kept_nowhere(response: Any) -> bool:
    return "no-store" in response.headers.get("Cache-Control", "")


@pytest.mark.parametrize("path", LISTS)
def test_no_answer_of_the_api_is_kept(path: str) -> None:
    tenant = TenantFactory.create()
    row, program = LISTS[path](tenant), program_of(tenant)
    one = f"{at(path)}{row.pk}/"

    answers = {
        200: program.get(at(path)),
        400: program.get(at(path), {"limit": "x"}),
        401: Client().get(at(path)),
        404: program.get(at("nothing/")),
        405: program.delete(one),
    }

    assert {code: one.status_code for code, one in answers.items()} == {
        code: code for code in answers
    }
    assert all(map(is_kept_nowhere, [*answers.values(), program.get(one)]))


def test_a_throttled_program_and_refused_rows_are_not_kept_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenant = TenantFactory.create()
    upload = make_upload_of_a_bad_row(tenant)
    monkeypatch.setattr(ClientThrottle, "THROTTLE_RATES", {})
    monkeypatch.setattr(ClientThrottle, "rate", "1/min")
    program = program_of(tenant)

    rejected = program.get(at("uploads/{}/rejected/", upload.pk))
    throttled = program.get(at("uploads/"))

    assert (rejected.status_code, throttled.status_code) == (200, 429)
    assert is_kept_nowhere(rejected)
    assert is_kept_nowhere(throttled)


@pytest.mark.parametrize("label", LABELS)
def test_no_page_of_the_admin_is_kept(client: Client, owner: User, label: str) -> None:
    closed = CLOSED_MAKERS.get(label)
    row = closed() if closed else MAKERS[label](TenantFactory.create())
    options = row._meta
    name = f"admin:{options.app_label}_{options.model_name}"
    addresses = [
        reverse(f"{name}_changelist"),
        reverse(f"{name}_change", args=[row.pk]),
        reverse(f"{name}_history", args=[row.pk]),
    ]

    assert all(is_kept_nowhere(client.get(one)) for one in addresses)


def test_neither_the_dashboard_nor_an_errors_page_nor_a_login_is_kept(
    client: Client, owner: User
) -> None:
    answers = [client.get("/admin/"), client.get("/nowhere/"), client.get("/")]
    answers += [Client().get("/admin/"), Client().get("/admin/login/")]

    assert all(map(is_kept_nowhere, answers))


@pytest.mark.usefixtures("kept_files")
def test_a_picture_is_not_kept_past_the_logout(client: Client) -> None:
    media = StoredMediaFactory.create(content=b"\xff\xd8\xff")
    log_in_staff_of(media, client)
    address = address_of(media)

    seen: Any = client.get(address)
    piece: Any = client.get(address, headers={"Range": "bytes=0-1"})
    for sent in (seen, piece):
        list(sent.streaming_content)  # or the file stays open
    client.post(reverse("admin:logout"))
    afterwards = client.get(address, headers={"If-None-Match": seen["ETag"]})

    assert (seen.status_code, piece.status_code) == (200, 206)
    assert is_kept_nowhere(seen)
    assert is_kept_nowhere(piece)
    assert afterwards.status_code == 302
    assert is_kept_nowhere(afterwards)


def test_neither_a_comparison_nor_its_file_is_kept(client: Client, owner: User) -> None:
    tenant = TenantFactory.create()
    rows = "Loan No,Name,Mobile,Outstanding\nL1,Asha,9876543210,500\n"
    earlier, later = load(rows, tenant=tenant), load(rows, tenant=tenant)
    query = f"?with={earlier.pk}"
    page, file = (
        f"{reverse(f'admin:uploads_fileupload_{name}', args=[later.pk])}{query}"
        for name in ("compare", "compared")
    )

    assert is_kept_nowhere(client.get(page))
    sent = client.post(file)
    assert is_kept_nowhere(sent)
    assert sent.getvalue()  # read to its end, which closes it


def test_what_is_nobodys_may_be_kept() -> None:
    assert finders.find("desk/desk.css")

    response = Client().head("/static/desk/desk.css")

    assert response.status_code == 200
    assert not is_kept_nowhere(response)
