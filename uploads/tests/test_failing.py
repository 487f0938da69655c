"""Failures name their stage; what failed is tried again, what was cancelled is not."""

from pathlib import Path
from typing import ClassVar

import pytest
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from customers.models import Customer
from tenants.models import Tenant
from uploads.models import FileUpload, RowIssue, UploadPart
from uploads.processing import (
    MAX_ATTEMPTS,
    MAX_DEATHS,
    load_next_part,
)
from uploads.reading import read_upload
from uploads.services import cancel_upload, find_twin, retry_upload
from uploads.tests.factories import TWO_ROWS, load, make_upload, work_off
from uploads.tests.poison import allow_all_lines, forbid_line

pytestmark = pytest.mark.django_db


def test_a_file_that_cannot_be_kept_fails_at_record_creation(
    settings, tmp_path
) -> None:
    settings.MEDIA_ROOT = tmp_path / "a file"
    settings.MEDIA_ROOT.write_text("in the way")

    upload = make_upload()

    upload.refresh_from_db()
    assert upload.status == "failed"
    assert upload.error.startswith("[file_upload] The file could not be kept")
    assert not retry_upload(upload_id=upload.pk, by=None, now=now())


class FullStorage(FileSystemStorage):
    """A disk that is full after the first bytes of a file."""

    failure: ClassVar[Exception]

    def _save(self, name: str, content: "File[bytes]") -> str:
        super()._save(name, ContentFile(content.read(5)))
        raise type(self).failure


def fill_the_disk(settings, failure: Exception) -> None:
    FullStorage.failure = failure
    backend = f"{__name__}.{FullStorage.__name__}"
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": backend}}


NO_SPACE = OSError(28, "No space left on device")


@pytest.fixture(params=[NO_SPACE, ValueError("as some service has it")], ids=repr)
def full_storage(request, settings) -> None:
    fill_the_disk(settings, request.param)


def kept_names(tenant: Tenant) -> list[str]:
    folder = f"uploads/{tenant.pk}"
    return default_storage.listdir(folder)[1] if default_storage.exists(folder) else []


@pytest.mark.usefixtures("full_storage")
def test_nothing_stays_of_a_file_that_could_not_be_kept_whole(tenant) -> None:
    upload = make_upload(tenant=tenant)

    upload.refresh_from_db()
    assert upload.status == "failed"
    assert upload.error.startswith("[file_upload] The file could not be kept")
    assert (upload.file.name, upload.sha256) == ("", "")
    assert kept_names(tenant) == []


@pytest.mark.usefixtures("full_storage")
def test_two_files_that_could_not_be_kept_are_not_the_same_file(
    tenant, client: Client
) -> None:
    make_upload(tenant=tenant)
    second = make_upload("Name,Mobile\nRavi,9876543212\n", tenant=tenant)

    assert find_twin(second) is None
    page = client.get(reverse("admin:uploads_fileupload_change", args=[second.pk]))
    assert "The same file came before" not in page.content.decode()


def test_no_piece_stays_of_a_copy_that_could_not_be_kept(tenant, settings) -> None:
    upload = make_upload(TWO_ROWS.encode("utf-16"), tenant=tenant)
    fill_the_disk(settings, NO_SPACE)

    read_upload(upload_id=upload.pk, now=now())

    assert kept_names(tenant) == [Path(upload.file.name).name]


def test_a_file_that_cannot_be_read_fails_at_parsing() -> None:
    upload = load("Mobile\n9876543210\n")

    assert upload.status == "failed"
    assert upload.error.startswith("[csv_parse] There is no column for")
    assert not UploadPart.objects.exists()


def test_a_kept_file_that_is_gone_fails_at_parsing() -> None:
    upload = make_upload()
    upload.file.storage.delete(upload.file.name)

    assert work_off(upload).error == "[csv_parse] The kept file is gone."


def test_a_file_that_kills_its_readers_is_given_up() -> None:
    upload = make_upload()
    FileUpload.objects.filter(pk=upload.pk).update(attempts=MAX_DEATHS)

    assert work_off(upload).error.startswith("[csv_parse] The file could not be read")


def test_a_part_that_cannot_be_loaded_fails_at_customer_creation_and_loses_nothing():
    forbid_line(3)
    upload = load(TWO_ROWS + "Meera,12,5\n")

    assert upload.status == "failed"
    assert upload.error.startswith("[customer_creation] The 3 rows from line 2 could")
    assert "CHECK" not in upload.error
    assert not Customer.objects.exists()
    assert not RowIssue.objects.exists()
    assert (upload.succeeded_rows, upload.failed_rows) == (0, 0)
    assert upload.parts.get().attempts == MAX_ATTEMPTS

    allow_all_lines()
    assert retry_upload(upload_id=upload.pk, by=None, now=now())
    assert work_off(upload).sentence == "Upload completed: 2 successful, 1 failed"
    assert Customer.objects.count() == 2


def test_a_part_that_kills_its_workers_is_given_up() -> None:
    upload = make_upload()
    read_upload(upload_id=upload.pk, now=now())
    upload.parts.update(attempts=MAX_DEATHS)

    assert work_off(upload).error.startswith("[customer_creation] ")
    assert not Customer.objects.exists()


def test_counts_that_do_not_add_up_fail_at_final_status() -> None:
    upload = make_upload()
    read_upload(upload_id=upload.pk, now=now())
    FileUpload.objects.filter(pk=upload.pk).update(total_rows=3)

    assert work_off(upload).error.startswith("[status_update] The counts")


def test_a_cancelled_upload_stays_cancelled() -> None:
    upload = make_upload()
    read_upload(upload_id=upload.pk, now=now())

    assert cancel_upload(upload_id=upload.pk, by=None, now=now())
    assert work_off(upload).status == "cancelled"
    assert not Customer.objects.exists()
    assert not cancel_upload(upload_id=upload.pk, by=None, now=now())
    assert not retry_upload(upload_id=upload.pk, by=None, now=now())


def cut_in_two(upload: FileUpload) -> None:
    """Make a part of the last row, as a big file has them."""
    part = upload.parts.get()
    last_row = len("Meera,9876543212,5\n")
    upload.parts.create(
        reading=part.reading,
        number=1,
        start_byte=part.end_byte - last_row,
        end_byte=part.end_byte,
        first_line=4,
        row_count=1,
    )
    part.end_byte, part.row_count = part.end_byte - last_row, part.row_count - 1
    part.save(update_fields=["end_byte", "row_count"])


def test_a_retry_does_not_load_again_what_is_loaded() -> None:
    upload = make_upload(TWO_ROWS + "Meera,9876543212,5\n")
    read_upload(upload_id=upload.pk, now=now())
    cut_in_two(upload)
    load_next_part(now=now())
    first = upload.parts.get(status="done")
    forbid_line(4)
    while load_next_part(now=now()):
        pass
    upload.refresh_from_db()
    assert upload.status == "failed"
    assert upload.succeeded_rows == first.succeeded_rows

    allow_all_lines()
    retry_upload(upload_id=upload.pk, by=None, now=now())

    assert work_off(upload).succeeded_rows == 3
    assert Customer.objects.count() == 3
