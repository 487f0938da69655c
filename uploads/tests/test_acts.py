"""Pausing, resuming, undoing: what people do with an upload under way or after it."""

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.models import Customer
from tenants.tests.factories import TenantFactory
from uploads.models import FileUpload, RowIssue
from uploads.processing import load_next_part
from uploads.reading import read_upload
from uploads.services import (
    StrangeParent,
    cancel_upload,
    create_upload,
    pause_upload,
    resume_upload,
    retry_upload,
)
from uploads.tasks import process_upload, sweep
from uploads.tests.factories import (
    TWO_ROWS,
    FileUploadFactory,
    load,
    make_upload,
    work_off,
)
from uploads.undoing import undo_upload

pytestmark = pytest.mark.django_db

ONE_BAD = TWO_ROWS + "Meera,12,5\n"


def now():
    return timezone.now()


@pytest.fixture
def clerk() -> User:
    return User.objects.create_user("clerk")


def acts_of(upload: FileUpload) -> list[tuple[str, str | None, int]]:
    return list(upload.acts.values_list("act", "by__username", "row_count"))


@pytest.mark.parametrize("got_to", ["kept", "read"])
def test_nobody_takes_up_a_paused_upload_until_it_is_resumed(
    got_to: str, clerk: User
) -> None:
    upload = make_upload()
    if got_to == "read":
        read_upload(upload_id=upload.pk, now=now())

    assert pause_upload(upload_id=upload.pk, by=clerk, now=now())
    process_upload(upload.pk)
    sweep()
    upload.refresh_from_db()
    assert upload.status == "paused"
    assert not Customer.objects.exists()
    assert not upload.parts.filter(attempts__gt=0).exists()

    assert resume_upload(upload_id=upload.pk, by=clerk, now=now())
    process_upload(upload.pk)
    upload.refresh_from_db()
    assert upload.sentence == "Upload completed: 2 successful, 0 failed"
    assert acts_of(upload) == [
        ("sent", None, 0),
        ("paused", "clerk", 0),
        ("resumed", "clerk", 0),
    ]


def test_what_does_not_run_is_not_paused_and_what_runs_is_not_resumed() -> None:
    done, running = load(), make_upload()

    assert not pause_upload(upload_id=done.pk, by=None, now=now())
    assert not resume_upload(upload_id=done.pk, by=None, now=now())
    assert not resume_upload(upload_id=running.pk, by=None, now=now())
    assert acts_of(done) == acts_of(running) == [("sent", None, 0)]


def test_a_paused_upload_can_be_cancelled(clerk: User) -> None:
    upload = make_upload()
    pause_upload(upload_id=upload.pk, by=clerk, now=now())

    assert cancel_upload(upload_id=upload.pk, by=clerk, now=now())
    assert not resume_upload(upload_id=upload.pk, by=clerk, now=now())
    assert [act for act, _, _ in acts_of(upload)] == ["sent", "paused", "cancelled"]


def test_an_undo_takes_every_entry_of_its_upload_and_no_other(clerk: User) -> None:
    other = load()
    upload = load(ONE_BAD, tenant=other.tenant)
    at = now()

    assert undo_upload(upload_id=upload.pk, by=clerk, now=at) == 2

    upload.refresh_from_db()
    assert set(Customer.objects.values_list("upload_id", flat=True)) == {other.pk}
    assert (upload.status, upload.undone_by, upload.undone_rows) == (
        "undone",
        clerk,
        2,
    )
    assert upload.undone_at == at
    assert (upload.total_rows, upload.succeeded_rows, upload.failed_rows) == (3, 2, 1)
    assert RowIssue.objects.filter(upload=upload).count() == 1
    assert upload.file.storage.exists(upload.file.name)
    assert acts_of(upload)[-1] == ("undone", "clerk", 2)


def test_a_second_undo_does_nothing(clerk: User) -> None:
    upload = load()
    undo_upload(upload_id=upload.pk, by=clerk, now=now())
    upload.refresh_from_db()
    undone_at = upload.undone_at

    assert undo_upload(upload_id=upload.pk, by=None, now=now()) is None

    upload.refresh_from_db()
    assert (upload.undone_by, upload.undone_at) == (clerk, undone_at)
    assert acts_of(upload) == [("sent", None, 0), ("undone", "clerk", 2)]


@pytest.mark.parametrize("ended", ["cancelled", "failed"])
def test_an_upload_is_undone_however_far_it_came(ended: str, clerk: User) -> None:
    upload = make_upload()
    read_upload(upload_id=upload.pk, now=now())
    part = upload.parts.get()
    upload.parts.create(
        reading=part.reading,
        number=1,
        start_byte=part.end_byte,
        end_byte=part.end_byte,
        first_line=4,
        row_count=0,
    )
    load_next_part(now=now())
    upload.refresh_from_db()
    if ended == "cancelled":
        cancel_upload(upload_id=upload.pk, by=clerk, now=now())
    else:
        upload.mark_failed(stage=FileUpload.Stage.CSV_PARSE, message="x", now=now())
    assert Customer.objects.count() == 2

    assert undo_upload(upload_id=upload.pk, by=clerk, now=now()) == 2

    assert work_off(upload).status == "undone"
    assert not retry_upload(upload_id=upload.pk, by=clerk, now=now())
    assert not Customer.objects.exists()


@pytest.mark.parametrize("status", ["pending", "review", "processing", "paused"])
def test_what_is_not_over_is_not_undone(status: str) -> None:
    upload = load()
    FileUpload.objects.update(status=status, completed_at=None)

    assert undo_upload(upload_id=upload.pk, by=None, now=now()) is None

    upload.refresh_from_db()
    assert upload.status == status
    assert Customer.objects.count() == 2
    assert acts_of(upload) == [("sent", None, 0)]


def test_an_upload_that_brought_no_entry_is_not_undone() -> None:
    refused = load("Name,Mobile\nMeera,12\n")

    assert undo_upload(upload_id=refused.pk, by=None, now=now()) is None

    refused.refresh_from_db()
    assert refused.status == "completed"


def test_entries_go_in_one_statement(clerk: User) -> None:
    upload = load("Name,Mobile\n" + "".join(f"A,98765{n:05}\n" for n in range(300)))

    with CaptureQueriesContext(
        connection,
    ) as queries:
        undo_upload(upload_id=upload.pk, by=clerk, now=now())

    deletes = [q["sql"] for q in queries if q["sql"].startswith("DELETE")]
    deletes = [sql for sql in deletes if '"customers"' in sql]
    assert len(deletes) == 1
    assert not Customer.objects.exists()


def test_an_undone_upload_says_when() -> None:
    upload = load()

    with pytest.raises(IntegrityError, match="undo_recorded"), transaction.atomic():
        FileUpload.objects.filter(pk=upload.pk).update(status="undone")


def test_a_mended_file_belongs_to_an_upload_of_its_own_tenant() -> None:
    parent = load(ONE_BAD)

    def send(tenant) -> FileUpload:
        return create_upload(
            tenant=tenant,
            file=ContentFile(b"Name,Mobile\nMeera,9876543212\n"),
            name="mended.csv",
            uploaded_by=None,
            parent=parent,
            now=now(),
            queue=False,
        )

    child = send(parent.tenant)
    with pytest.raises(StrangeParent):
        send(TenantFactory.create())

    assert list(parent.corrections.all()) == [child]
    assert FileUpload.objects.count() == 2


def test_a_bare_row_in_the_table_needs_none_of_it() -> None:
    upload = FileUploadFactory.create()

    upload.refresh_from_db()
    assert (upload.parent, upload.undone_rows, upload.purged_at) == (None, 0, None)
