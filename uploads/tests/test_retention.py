"""How long the files themselves are kept, and their rows' issues."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import psycopg
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connection
from django.utils import timezone

from config.celery import app
from customers.models import Customer
from tenants.models import Tenant
from uploads.models import FileUpload, RowIssue
from uploads.retention import purge_files, purge_issues
from uploads.services import (
    cancel_upload,
    pause_upload,
    resume_upload,
    retry_upload,
)
from uploads.tests.factories import TWO_ROWS, load, make_upload, work_off
from uploads.undoing import undo_upload

pytestmark = pytest.mark.django_db

ONE_BAD = TWO_ROWS + "Meera,12,5\n"


def now():
    return timezone.now()


def in_days(days: float):
    return now() + timedelta(days=days)


def kept_files(upload: FileUpload) -> int:
    return len(default_storage.listdir(f"uploads/{upload.tenant_id}")[1])


def test_a_file_goes_when_its_retention_is_over_and_what_was_read_stays() -> None:
    upload = load(ONE_BAD)

    assert purge_files(days=30, now=in_days(29.9)) == 0
    assert kept_files(upload) == 1

    later = in_days(30.1)
    assert purge_files(days=30, now=later) == 1
    assert kept_files(upload) == 0
    upload.refresh_from_db()
    assert (upload.file.name, upload.purged_at) == ("", later)
    assert upload.sentence == "Upload completed: 2 successful, 1 failed"
    assert (Customer.objects.count(), RowIssue.objects.count()) == (2, 1)
    assert upload.acts.last().act == "purged"
    assert purge_files(days=30, now=later) == 0


@pytest.mark.parametrize("text", [ONE_BAD, "no header"])
def test_the_rows_that_were_rewritten_beside_the_file_go_too(text: str) -> None:
    upload = load(text.encode("utf-16"))
    if not default_storage.exists(upload.rewritten_name):
        # As of a process that was killed while it read the copy.
        default_storage.save(upload.rewritten_name, ContentFile(text.encode()))
    assert kept_files(upload) == 2

    purge_files(days=30, now=in_days(31))

    assert kept_files(upload) == 0


def test_only_files_of_ended_uploads_go() -> None:
    waiting, completed, undone = make_upload(), load(), load()
    undo_upload(upload_id=undone.pk, by=None, now=now())
    cancelled, failed = make_upload(), load("x")
    cancel_upload(upload_id=cancelled.pk, by=None, now=now())

    assert purge_files(days=30, now=in_days(31)) == 4

    purged = FileUpload.objects.filter(purged_at__isnull=False)
    assert set(purged) == {completed, undone, cancelled, failed}
    assert kept_files(waiting) == 1


@pytest.mark.parametrize("status", ["paused", "review"])
def test_what_nobody_decided_about_is_cancelled_with_its_file(status: str) -> None:
    upload = make_upload()
    if status == "paused":
        pause_upload(upload_id=upload.pk, by=None, now=now())
    else:
        FileUpload.objects.filter(pk=upload.pk).update(status="review")

    purge_files(days=30, now=in_days(31))

    upload.refresh_from_db()
    assert (upload.status, upload.file.name) == ("cancelled", "")
    assert kept_files(upload) == 0


def test_a_purged_upload_cannot_be_retried_and_can_be_undone() -> None:
    failed, completed = load("x"), load()
    purge_files(days=30, now=in_days(31))

    assert not retry_upload(upload_id=failed.pk, by=None, now=now())
    assert undo_upload(upload_id=completed.pk, by=None, now=now()) == 2


def test_a_file_that_is_gone_already_is_marked() -> None:
    upload = load()
    default_storage.delete(upload.file.name)

    assert purge_files(days=30, now=in_days(31)) == 1


def test_without_days_nothing_goes(settings) -> None:
    upload = load()
    FileUpload.objects.update(completed_at=now() - timedelta(days=9999))
    settings.UPLOAD_FILE_RETENTION_DAYS = 0

    app.tasks["uploads.tasks.purge_old_files"]()
    assert kept_files(upload) == 1

    settings.UPLOAD_FILE_RETENTION_DAYS = 90
    app.tasks["uploads.tasks.purge_old_files"]()
    assert kept_files(upload) == 0


def put_in_the_way(upload: FileUpload) -> Path:
    """Have a folder that is not empty stand where an upload's file should be."""
    place = Path(upload.file.path)
    place.unlink()
    place.mkdir()
    (place / "something").touch()
    return place


class BusyStorage(FileSystemStorage):
    """A storage that takes so long to delete a file that things happen meanwhile."""

    meanwhile: ClassVar[Callable[[], object]] = staticmethod(lambda: None)

    def delete(self, name: str) -> None:
        type(self).meanwhile()
        super().delete(name)


@pytest.fixture
def meanwhile(settings, monkeypatch) -> Callable[[Callable[[], object]], None]:
    """Have something happen while the storage deletes a file."""
    backend = f"{__name__}.{BusyStorage.__name__}"
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": backend}}
    return lambda act: monkeypatch.setattr(BusyStorage, "meanwhile", staticmethod(act))


def test_the_term_counts_from_the_end_of_an_upload_not_from_its_sending() -> None:
    upload = make_upload(ONE_BAD)
    FileUpload.objects.update(created_at=now() - timedelta(days=400))
    work_off(upload)

    assert purge_files(days=30, now=in_days(29.9)) == 0
    assert purge_issues(days=30, now=in_days(29.9)) == 0
    assert purge_files(days=30, now=in_days(30.1)) == 1
    assert purge_issues(days=30, now=in_days(30.1)) == 1


def test_of_a_paused_upload_it_counts_from_its_pause() -> None:
    upload = make_upload()
    FileUpload.objects.update(created_at=now() - timedelta(days=400))
    pause_upload(upload_id=upload.pk, by=None, now=now())

    assert purge_files(days=30, now=in_days(29.9)) == 0
    assert purge_files(days=30, now=in_days(30.1)) == 1


def test_an_upload_that_failed_again_is_kept_for_its_term_anew() -> None:
    upload = load("x")
    FileUpload.objects.update(completed_at=now() - timedelta(days=31))
    retry_upload(upload_id=upload.pk, by=None, now=now())
    work_off(upload)

    assert purge_files(days=30, now=now()) == 0


@pytest.mark.parametrize("status", ["paused", "failed"])
def test_what_goes_on_a_moment_before_its_purge_keeps_its_file(
    status: str, meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    first, second = load(), make_upload() if status == "paused" else load("x")
    pause_upload(upload_id=second.pk, by=None, now=now())
    go_on = resume_upload if status == "paused" else retry_upload
    meanwhile(lambda: go_on(upload_id=second.pk, by=None, now=now()))

    assert purge_files(days=30, now=in_days(31)) == 1

    first.refresh_from_db()
    second.refresh_from_db()
    assert (bool(first.file), bool(second.file)) == (False, True)
    assert second.status == "pending"
    assert default_storage.exists(second.file.name)


def test_a_hold_that_comes_during_a_purge_keeps_the_files_behind_it(
    meanwhile: Callable[[Callable[[], object]], None],
) -> None:
    upload = load()
    load(tenant=upload.tenant)
    held = Tenant.objects.filter(pk=upload.tenant_id)
    meanwhile(lambda: held.update(on_hold=True))

    assert purge_files(days=30, now=in_days(31)) == 1

    assert FileUpload.objects.exclude(file="").count() == 1


def test_a_file_that_cannot_be_deleted_stops_no_other(caplog) -> None:
    stubborn, other = load(ONE_BAD), load(ONE_BAD)
    place = put_in_the_way(stubborn)
    later = in_days(400)

    assert purge_files(days=30, now=later) == 1

    other.refresh_from_db()
    stubborn.refresh_from_db()
    assert (other.file.name, other.purged_at) == ("", later)
    assert stubborn.file
    assert stubborn.purged_at is None
    assert stubborn.acts.last().act == "sent"
    assert f"Upload {stubborn.pk} cannot be purged" in caplog.text
    assert "Directory not empty" in caplog.text

    (place / "something").unlink()
    assert purge_files(days=30, now=later) == 1
    assert kept_files(stubborn) == 0


def test_a_paused_upload_whose_file_cannot_be_deleted_is_not_cancelled() -> None:
    upload = make_upload()
    put_in_the_way(upload)
    pause_upload(upload_id=upload.pk, by=None, now=now())

    assert purge_files(days=30, now=in_days(31)) == 0

    upload.refresh_from_db()
    assert upload.status == "paused"


def test_issues_are_purged_though_a_file_cannot_be_deleted() -> None:
    upload = load(ONE_BAD)
    put_in_the_way(upload)
    FileUpload.objects.update(completed_at=now() - timedelta(days=9999))

    app.tasks["uploads.tasks.purge_old_files"]()

    assert not RowIssue.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_issues_that_somebody_holds_stop_no_others() -> None:
    held, _ = load(ONE_BAD), load(ONE_BAD)
    params = connection.get_connection_params()
    params["cursor_factory"] = psycopg.Cursor

    with psycopg.connect(**params) as other, connection.cursor() as own:
        other.execute(
            "SELECT 1 FROM upload_row_issues WHERE upload_id = %s FOR UPDATE",
            [held.pk],
        )
        own.execute("SET lock_timeout = '50ms'")
        assert purge_issues(days=30, now=in_days(31)) == 1
        own.execute("RESET lock_timeout")

    assert RowIssue.objects.get().upload == held
    assert purge_issues(days=30, now=in_days(31)) == 1


@pytest.mark.django_db(transaction=True)
def test_issues_of_an_upload_that_is_being_tried_again_stay() -> None:
    upload = load(ONE_BAD)
    params = connection.get_connection_params()
    params["cursor_factory"] = psycopg.Cursor

    with psycopg.connect(**params) as other:
        other.execute(
            "UPDATE file_uploads SET status = 'processing' WHERE id = %s", [upload.pk]
        )
        assert purge_issues(days=30, now=in_days(31)) == 0

    assert RowIssue.objects.count() == 1


def test_beat_purges_hourly_and_calls_do_not_pile_up() -> None:
    entry = app.conf.beat_schedule["purge-uploads"]

    task = app.tasks[entry["task"]]
    assert entry["schedule"] == 3600
    assert task.expires < entry["schedule"]
