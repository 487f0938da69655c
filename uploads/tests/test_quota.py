"""A tenant has room for so many files: what is beyond is refused before it is kept."""

import errno
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tenants.models import Tenant
from tenants.tests.factories import MembershipFactory, TenantFactory
from tenants.tests.programs import program_of
from uploads.models import FileUpload
from uploads.quota import QuotaBusy, QuotaExceeded, take_place
from uploads.services import (
    cancel_upload,
    create_upload,
    pause_upload,
    resume_upload,
    retry_upload,
)
from uploads.tests.factories import TWO_ROWS, load, make_upload, work_off
from uploads.tests.test_side_by_side import side_by_side
from uploads.tests.workbooks import row, workbook

pytestmark = pytest.mark.django_db

FULL = "has 1 file that is not finished, and may have 1"


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
    FileUpload.objects.update(size_bytes=2**20)

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
    FileUpload.objects.update(size_bytes=2**20 - len(TWO_ROWS) + 1)

    if fits:
        make_upload(tenant=tenant)
        return
    with pytest.raises(QuotaExceeded, match=r"take 1\.0 of 1 MB"):
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


@pytest.mark.parametrize(
    ("count", "limit", "said"),
    [
        (1, 1, "1 file that is not finished, and may have 1:"),
        (11, 3, "11 files that are not finished, and may have 3:"),
        (1004, 3, "more than 1,003 files that are not finished, and may have 3:"),
    ],
)
def test_as_many_as_there_are_are_said(count: int, limit: int, said: str) -> None:
    tenant = TenantFactory.create(max_unfinished_uploads=limit)
    FileUpload.objects.bulk_create(FileUpload(tenant=tenant) for _ in range(count))

    with pytest.raises(QuotaExceeded, match=said):
        make_upload(tenant=tenant)


@pytest.fixture
def locked() -> Iterator[Tenant]:
    """A tenant whose room another connection holds."""
    tenant = TenantFactory.create()
    holds, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            take_place(tenant=tenant)
            holds.set()
            enough.wait(60)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert holds.wait(60)
    yield tenant
    enough.set()
    holder.join()


@pytest.mark.django_db(transaction=True)
def test_who_finds_the_room_held_is_refused_soon_and_leaves_nothing(
    locked: Tenant,
) -> None:
    with pytest.raises(QuotaBusy, match="try again in some seconds"):
        make_upload(tenant=locked)

    assert not FileUpload.objects.exists()
    assert default_storage.listdir(f"uploads/{locked.pk}")[1] == []
    make_upload(tenant=TenantFactory.create())


@pytest.mark.django_db(transaction=True)
def test_a_program_that_finds_the_room_held_asks_again(locked: Tenant) -> None:
    answer = program_of(locked).post(
        "/api/v1/uploads/",
        {"file": SimpleUploadedFile("dues.csv", TWO_ROWS.encode())},
    )

    assert answer.status_code == 429
    assert "try again in some seconds" in answer.json()["detail"]


class WatchedStorage(FileSystemStorage):
    """Notes whether a connection is held while it keeps a file."""

    connected: ClassVar[list[bool]] = []

    def _save(self, name: str, content: "File[bytes]") -> str:
        self.connected.append(connection.connection is not None)
        return super()._save(name, content)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["form", "api"])
def test_no_request_holds_a_connection_while_its_file_is_copied(
    client: Client, settings: Any, way: str
) -> None:
    WatchedStorage.connected.clear()
    backend = f"{WatchedStorage.__module__}.{WatchedStorage.__qualname__}"
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": backend}}
    user = MembershipFactory.create().user
    tenant = user.memberships.get().tenant
    file = SimpleUploadedFile("x.csv", TWO_ROWS.encode())

    if way == "form":
        user.user_permissions.add(
            *Permission.objects.filter(content_type__app_label="uploads")
        )
        User.objects.filter(pk=user.pk).update(is_staff=True)
        client.force_login(user)
        address = reverse("admin:uploads_fileupload_add")
        answer = client.post(address, {"tenant": tenant.pk, "file": file})
    else:
        answer = program_of(tenant).post("/api/v1/uploads/", {"file": file})

    assert answer.status_code in (201, 302)
    assert WatchedStorage.connected == [False]
    assert FileUpload.objects.get().tenant == tenant
    assert LogEntry.objects.count() == (way == "form")


class WatchedFile(ContentFile):  # type: ignore[type-arg]  # not generic at run time
    """Notes, each time its bytes are read, whether a connection was taken."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.connected: list[bool] = []

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        self.connected.append(connection.connection is not None)
        yield from super().chunks(chunk_size)


@pytest.mark.django_db(transaction=True)
def test_a_file_is_copied_without_a_connection() -> None:
    tenant = TenantFactory.create()
    file = WatchedFile(TWO_ROWS.encode())

    upload = send(file, tenant=tenant)

    assert file.connected == [False, False]  # for its digest, and for the storage
    with upload.file.open() as kept:
        assert kept.read() == TWO_ROWS.encode()


class BrokenFile(ContentFile):  # type: ignore[type-arg]  # not generic at run time
    """Breaks off when it is copied, as on a disk that is full."""

    reads = 0

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        self.reads += 1
        yield self.read(10)
        if self.reads == 2:  # the first is for its digest
            raise OSError(errno.ENOSPC, "No space left on device")
        yield self.read()


class FileThatGrows(ContentFile):  # type: ignore[type-arg]  # not generic at run time
    """Is longer than it says, as one of a program that still writes it."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.size = 0


def test_of_a_file_that_breaks_off_nothing_is_kept() -> None:
    tenant = TenantFactory.create()

    upload = send(BrokenFile(TWO_ROWS.encode()), tenant=tenant)

    upload.refresh_from_db()
    assert (upload.status, upload.file.name) == ("failed", "")
    assert default_storage.listdir(f"uploads/{tenant.pk}")[1] == []
    assert "No space left on device" in upload.error
    assert list(upload.acts.values_list("act", flat=True)) == ["sent"]


def test_what_is_refused_after_it_was_kept_is_deleted() -> None:
    tenant = TenantFactory.create(max_kept_mb=1)

    with pytest.raises(QuotaExceeded, match=r"This file, of 1\.0 MB, does not fit"):
        send(FileThatGrows(b"x" * (2**20 + 1)), tenant=tenant)

    assert default_storage.listdir(f"uploads/{tenant.pk}")[1] == []
    assert not FileUpload.objects.exists()


def send(file: "ContentFile[bytes]", *, tenant: Tenant) -> FileUpload:
    return create_upload(
        tenant=tenant,
        file=file,
        name="dues.csv",
        uploaded_by=None,
        now=timezone.now(),
        queue=False,
    )


ALIKE = "Name,Mobile\n" + "".join(f"{'A' * 900},98765{n:05}\n" for n in range(1200))


def test_a_mb_is_that_of_the_page_of_an_upload() -> None:
    tenant = TenantFactory.create(max_kept_mb=2)
    make_upload(b"x" * 2**20, tenant=tenant)

    make_upload(b"x" * 2**20, tenant=tenant)
    with pytest.raises(QuotaExceeded, match=r"of 12 bytes, .* take 2\.0 of 2 MB\."):
        make_upload("Name,Mobile\n", tenant=tenant)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(("\ufeff" + ALIKE).encode("utf-16-le"), id="utf-16"),
        pytest.param(
            workbook(
                *(row(n + 1, *ALIKE.split("\n")[n].split(",")) for n in range(1200))
            ),
            id="workbook",
        ),
    ],
)
def test_the_copy_beside_a_file_takes_room(data: bytes) -> None:
    tenant = TenantFactory.create()
    upload = load(data, tenant=tenant)
    kept = default_storage.size(upload.file.name)
    copied = default_storage.size(upload.rows_file)
    Tenant.objects.filter(pk=tenant.pk).update(max_kept_mb=1 + (kept + copied) // 2**20)
    tenant.refresh_from_db()

    assert (upload.size_bytes, upload.rewritten_bytes) == (kept, copied)
    with pytest.raises(QuotaExceeded, match="does not fit"):
        make_upload(b"x" * 2**20, tenant=tenant)
    make_upload(tenant=tenant)


def test_a_copy_beyond_the_room_fails_the_upload_and_is_deleted() -> None:
    tenant = TenantFactory.create(max_kept_mb=1)
    data = workbook(
        *(row(n + 1, *ALIKE.split("\n")[n].split(",")) for n in range(1200))
    )
    assert len(data) < 2**20 < len(ALIKE)

    upload = load(data, tenant=tenant)

    assert (upload.status, upload.stage) == ("failed", "csv_parse")
    assert "The copy of its rows, of 1.0 MB, does not fit" in upload.error
    assert len(default_storage.listdir(f"uploads/{tenant.pk}")[1]) == 1
    assert upload.rewritten_bytes == 0
    assert not upload.parts.exists()

    Tenant.objects.update(max_kept_mb=2)
    assert retry_upload(upload_id=upload.pk, by=None, now=timezone.now())
    assert work_off(upload).succeeded_rows == 1199


def test_no_copy_stays_of_a_file_that_is_not_understood() -> None:
    upload = load(workbook(row(1, "Docket", "Remarks"), row(2, "A" * 900, "b")))

    assert upload.status == "failed"
    assert default_storage.exists(upload.file.name)
    assert not default_storage.exists(upload.rewritten_name)


def test_no_copy_stays_of_a_file_that_was_cancelled_while_it_was_read(
    settings: Any,
) -> None:
    upload = make_upload(ALIKE.encode("utf-16"))
    backend = f"{CancelledStorage.__module__}.{CancelledStorage.__qualname__}"
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": backend}}

    upload = work_off(upload)

    assert upload.status == "cancelled"
    assert default_storage.exists(upload.file.name)
    assert not default_storage.exists(upload.rewritten_name)


class CancelledStorage(FileSystemStorage):
    """Has somebody cancel all uploads when a copy is read."""

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        if name.endswith(".utf8"):
            for upload in FileUpload.objects.all():
                cancel_upload(upload_id=upload.pk, by=None, now=timezone.now())
        return super()._open(name, mode)


def test_the_copy_of_an_other_tenants_file_takes_no_room() -> None:
    load("\ufeff".encode("utf-16-le") + ALIKE.encode("utf-16-le"))
    tenant = TenantFactory.create(max_kept_mb=1)

    assert load(tenant=tenant).status == "completed"


@pytest.fixture
def failed(full: Tenant) -> FileUpload:
    """A failed upload of a tenant that has as many unfinished ones as it may."""
    upload = FileUpload.objects.get()
    upload.mark_failed(
        stage=FileUpload.Stage.CSV_PARSE, message="x", now=timezone.now()
    )
    make_upload(tenant=full)
    return upload


def test_a_retry_takes_a_place(failed: FileUpload) -> None:
    with pytest.raises(QuotaExceeded, match=FULL):
        retry_upload(upload_id=failed.pk, by=None, now=timezone.now())

    failed.refresh_from_db()
    assert failed.status == "failed"
    cancel_upload(
        upload_id=FileUpload.objects.exclude(pk=failed.pk).get().pk,
        by=None,
        now=timezone.now(),
    )
    assert retry_upload(upload_id=failed.pk, by=None, now=timezone.now())


def test_an_other_tenants_files_hinder_no_retry(full: Tenant) -> None:
    upload = load("nothing\n")

    assert retry_upload(upload_id=upload.pk, by=None, now=timezone.now())


def test_a_resume_takes_no_further_place(full: Tenant) -> None:
    upload = FileUpload.objects.get()
    pause_upload(upload_id=upload.pk, by=None, now=timezone.now())

    assert resume_upload(upload_id=upload.pk, by=None, now=timezone.now())


def test_the_api_refuses_a_retry_beyond_the_room(failed: FileUpload) -> None:
    answer = program_of(failed.tenant).post(f"/api/v1/uploads/{failed.pk}/retry/")

    assert answer.status_code == 409
    assert FULL in answer.json()["detail"]


def test_the_page_refuses_a_retry_beyond_the_room(
    failed: FileUpload, client: Client
) -> None:
    user = MembershipFactory.create(tenant=failed.tenant).user
    user.groups.add(Group.objects.get(name="Staff"))
    client.force_login(user)

    page = client.post(
        reverse("admin:uploads_fileupload_retry", args=[failed.pk]), follow=True
    )

    assert FULL in page.content.decode()
    failed.refresh_from_db()
    assert failed.status == "failed"
