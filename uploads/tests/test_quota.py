"""A tenant has room for so many files: what is beyond is refused before it is kept."""

import threading
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tenants.models import Tenant
from tenants.tests.factories import TenantFactory
from tenants.tests.programs import program_of
from uploads.models import FileUpload
from uploads.quota import QuotaExceeded
from uploads.services import cancel_upload
from uploads.tests.factories import TWO_ROWS, load, make_upload
from uploads.tests.test_side_by_side import side_by_side

pytestmark = pytest.mark.django_db

FULL = "has 1 files that are not finished"


@pytest.fixture
def full(settings: Any) -> Tenant:
    """A tenant that has as many files as it may."""
    settings.UPLOAD_MAX_UNFINISHED = 1
    tenant = TenantFactory.create()
    make_upload(tenant=tenant)
    return tenant


def test_one_file_too_many_is_refused_and_leaves_nothing(full: Tenant) -> None:
    with pytest.raises(QuotaExceeded, match=FULL):
        make_upload(tenant=full)

    assert FileUpload.objects.count() == 1
    assert len(default_storage.listdir(f"uploads/{full.pk}")[1]) == 1


@pytest.mark.parametrize("status", ["pending", "review", "processing", "paused"])
def test_what_is_not_finished_takes_a_place(full: Tenant, status: str) -> None:
    FileUpload.objects.update(status=status)

    with pytest.raises(QuotaExceeded, match=FULL):
        make_upload(tenant=full)


def test_an_ended_upload_gives_its_place_back(full: Tenant) -> None:
    upload = FileUpload.objects.get()
    cancel_upload(upload_id=upload.pk, by=None, now=timezone.now())

    make_upload(tenant=full)


def test_files_of_others_take_no_place(full: Tenant, settings: Any) -> None:
    settings.UPLOAD_MAX_KEPT_MB = 1
    FileUpload.objects.update(size_bytes=10**6)

    make_upload(tenant=TenantFactory.create())


@pytest.mark.parametrize(("own", "fits"), [(1, False), (2, True), (0, True)])
def test_a_tenant_may_have_its_own_number(full: Tenant, own: int, fits: bool) -> None:
    Tenant.objects.filter(pk=full.pk).update(max_unfinished_uploads=own)
    full.refresh_from_db()

    if fits:
        make_upload(tenant=full)
    else:
        with pytest.raises(QuotaExceeded):
            make_upload(tenant=full)


@pytest.mark.parametrize(
    ("everywhere", "own", "fits"),
    [(1, None, False), (2, None, True), (0, None, True), (1, 2, True), (2, 1, False)],
)
def test_kept_bytes_are_limited_until_their_file_is_deleted(
    settings: Any, everywhere: int, own: int | None, fits: bool
) -> None:
    settings.UPLOAD_MAX_KEPT_MB = everywhere
    tenant = TenantFactory.create(max_kept_mb=own)
    load(tenant=tenant)
    FileUpload.objects.update(size_bytes=10**6 - len(TWO_ROWS) + 1)

    if fits:
        make_upload(tenant=tenant)
        return
    with pytest.raises(QuotaExceeded, match=r"take 1\.0 MB of 1 MB"):
        make_upload(tenant=tenant)
    FileUpload.objects.update(file="")
    make_upload(tenant=tenant)


@pytest.mark.django_db(transaction=True)
def test_of_two_files_at_once_one_gets_the_last_place(settings: Any) -> None:
    settings.UPLOAD_MAX_UNFINISHED = 1
    tenant = TenantFactory.create()
    refused = []
    both = threading.Barrier(4)

    def send() -> None:
        both.wait()
        try:
            make_upload(tenant=tenant)
        except QuotaExceeded as exc:
            refused.append(exc)

    side_by_side(*[send] * 4)

    assert FileUpload.objects.count() == 1
    assert len(refused) == 3


def test_the_form_says_why(clerk: User, client: Client, settings: Any) -> None:
    settings.UPLOAD_MAX_UNFINISHED = 1
    tenant = clerk.memberships.get().tenant
    make_upload(tenant=tenant)

    page = client.post(
        reverse("admin:uploads_fileupload_add"),
        {"tenant": tenant.pk, "file": SimpleUploadedFile("x.csv", TWO_ROWS.encode())},
    )

    assert FULL in page.content.decode()
    assert FileUpload.objects.count() == 1


def test_the_api_names_the_field(full: Tenant) -> None:
    answer = program_of(full).post(
        "/api/v1/uploads/",
        {"file": SimpleUploadedFile("dues.csv", TWO_ROWS.encode())},
    )

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(f"file: {full.name} {FULL}")


def test_the_command_says_why(full: Tenant, tmp_path: Path) -> None:
    path = tmp_path / "dues.csv"
    path.write_text(TWO_ROWS)

    with pytest.raises(CommandError, match=FULL):
        call_command("import_customers", str(path), f"--tenant={full.pk}", "--here")
