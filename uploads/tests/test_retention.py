"""How long the files themselves are kept."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from config.celery import app
from customers.models import Customer
from uploads.models import FileUpload, RowIssue
from uploads.retention import purge_files
from uploads.services import cancel_upload, pause_upload, retry_upload
from uploads.tests.factories import TWO_ROWS, load, make_upload
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
    FileUpload.objects.update(created_at=now() - timedelta(days=9999))
    settings.UPLOAD_FILE_RETENTION_DAYS = 0

    app.tasks["uploads.tasks.purge_old_files"]()
    assert kept_files(upload) == 1

    settings.UPLOAD_FILE_RETENTION_DAYS = 90
    app.tasks["uploads.tasks.purge_old_files"]()
    assert kept_files(upload) == 0


def test_beat_purges_hourly_and_calls_do_not_pile_up() -> None:
    entry = app.conf.beat_schedule["purge-uploads"]

    task = app.tasks[entry["task"]]
    assert entry["schedule"] == 3600
    assert task.expires < entry["schedule"]
