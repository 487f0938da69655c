"""Who loads what when: turns, repeats, rests, and the sweep."""

import json
from datetime import timedelta

import pytest
from celery import current_app
from django.utils.timezone import now

from customers.models import Customer
from tenants.tests.factories import TenantFactory
from uploads import processing
from uploads.models import FileUpload
from uploads.processing import (
    finish_upload,
    load_next_part,
    stalled_uploads,
)
from uploads.reading import read_next_upload, read_upload
from uploads.services import cancel_upload
from uploads.tasks import load_parts, process_upload, sweep
from uploads.tests.factories import load, make_upload
from uploads.work import begin_reading

pytestmark = pytest.mark.django_db


def test_a_small_file_does_not_wait_for_many_of_another_tenant() -> None:
    big = TenantFactory.create()
    uploads = [make_upload(tenant=big) for _ in range(4)] + [make_upload()]
    for upload in uploads:
        read_upload(upload_id=upload.pk, now=now())

    for _ in range(2):
        load_next_part(now=now())

    uploads[-1].refresh_from_db()
    assert uploads[-1].status == "completed"
    assert FileUpload.objects.filter(status="completed").count() == 2


def test_one_tenants_unread_files_leave_the_other_workers_to_others() -> None:
    """However early they came: a worker that is free reads the file of another."""
    big, small = TenantFactory.create(), TenantFactory.create()
    first = make_upload(tenant=big)
    more = [make_upload(tenant=big) for _ in range(3)]
    begin_to_read(first)
    assert read_next_upload(now=now()) is None

    upload = make_upload(tenant=small)
    process_upload(more[0].pk)  # the wake-up of any upload will do

    upload.refresh_from_db()
    assert upload.status == "completed"
    assert stages_of(more) == ["file_upload"] * 3


def test_tenants_have_a_file_read_in_turns() -> None:
    big = TenantFactory.create()
    many = [make_upload("x", tenant=big) for _ in range(3)]
    other = make_upload("y")
    for _ in range(2):
        assert read_next_upload(now=now()) == 0  # neither can be read

    assert stages_of([*many, other]) == [
        "csv_parse", "file_upload", "file_upload", "csv_parse",
    ]  # fmt: skip
    later = make_upload(tenant=other.tenant)
    read_next_upload(now=now())
    assert stages_of([many[1], later]) == ["csv_parse", "file_upload"]


def test_what_a_dead_process_was_reading_holds_up_its_tenant_for_seconds_only() -> None:
    tenant = TenantFactory.create()
    left, upload = make_upload(tenant=tenant), make_upload(tenant=tenant)
    begin_to_read(left)

    assert read_next_upload(now=now()) is None
    assert read_next_upload(now=now() + timedelta(seconds=6)) == 1

    upload.refresh_from_db()
    assert upload.stage == "customer_creation"


def test_an_upload_that_was_begun_is_read_again_when_it_is_asked_for() -> None:
    upload = make_upload()
    FileUpload.objects.filter(pk=upload.pk).update(
        status="processing", stage="csv_parse"
    )

    assert read_next_upload(now=now()) is None
    assert read_next_upload(now=now(), upload_id=upload.pk) == 1


def begin_to_read(upload: FileUpload) -> None:
    """Leave a file as a worker that is reading it does, or one that was killed."""
    FileUpload.objects.filter(pk=upload.pk).update(
        status="processing", stage="csv_parse", started_at=now()
    )
    begin_reading(upload_id=upload.pk, limit=timedelta(minutes=1), now=now())


def stages_of(uploads: list[FileUpload]) -> list[str]:
    ids = [upload.pk for upload in uploads]
    found = FileUpload.objects.filter(pk__in=ids).order_by("pk")
    return list(found.values_list("stage", flat=True))


def test_a_task_delivered_again_changes_nothing() -> None:
    upload = make_upload()

    for _ in range(3):
        process_upload(upload.pk)

    upload.refresh_from_db()
    assert upload.sentence == "Upload completed: 2 successful, 0 failed"
    assert Customer.objects.count() == 2
    assert not load_next_part(now=now())
    assert not finish_upload(upload_id=upload.pk, now=now())


def test_a_part_claimed_twice_in_one_moment_is_loaded_once() -> None:
    """Between the claim and the lock another worker may have loaded the part."""
    upload = load()

    loaded = processing._load(part_id=upload.parts.get().pk, work_id=0, now=now())

    assert loaded is None
    assert Customer.objects.count() == 2


def test_an_upload_rings_the_bell_once_it_is_committed(
    django_capture_on_commit_callbacks,
) -> None:
    with current_app.connection_for_write() as broker:
        queue = broker.default_channel.client
        queue.delete("files")

        with django_capture_on_commit_callbacks(execute=True):
            upload = make_upload(queue=True)
            rung_early = queue.llen("files")

        (ring,) = queue.lrange("files", 0, -1)
        queue.delete("files")
    assert rung_early == 0
    assert json.loads(ring)["headers"]["argsrepr"] == f"({upload.pk},)"


def test_any_worker_loads_what_waits() -> None:
    upload = make_upload()
    read_upload(upload_id=upload.pk, now=now())

    load_parts()

    upload.refresh_from_db()
    assert upload.status == "completed"


def test_a_task_for_an_upload_that_is_gone_does_nothing() -> None:
    process_upload(999_999)


def stand_still(upload: FileUpload) -> None:
    """Make it look as if nobody had touched the upload for a while."""
    long_ago = now() - timedelta(minutes=1)
    FileUpload.objects.filter(pk=upload.pk).update(updated_at=long_ago)
    upload.parts.update(claimed_at=long_ago)


@pytest.mark.parametrize("got_to", ["kept", "read", "loaded"])
def test_the_sweep_carries_on_wherever_an_upload_stood_still(got_to: str) -> None:
    upload = make_upload()
    if got_to != "kept":
        read_upload(upload_id=upload.pk, now=now())
    if got_to == "loaded":
        load_next_part(now=now())
        FileUpload.objects.filter(pk=upload.pk).update(
            status="processing", stage="customer_creation", completed_at=None
        )

    sweep()
    upload.refresh_from_db()
    assert upload.status != "completed"  # too early: its worker may be on the way

    stand_still(upload)
    sweep()
    upload.refresh_from_db()
    assert upload.sentence == "Upload completed: 2 successful, 0 failed"
    assert Customer.objects.count() == 2


def test_what_is_over_or_in_work_does_not_stand_still() -> None:
    done, failed, cancelled = load(), load("x"), make_upload()
    cancel_upload(upload_id=cancelled.pk, by=None, now=now())
    working = make_upload()
    read_upload(upload_id=working.pk, now=now())
    for upload in (done, failed, cancelled, working):
        stand_still(upload)
    working.parts.update(claimed_at=now())

    assert stalled_uploads(now=now()) == []
