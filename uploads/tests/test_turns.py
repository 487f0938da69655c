"""Who loads what when: turns, repeats, rests, and the sweep."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.db import connection
from django.utils.timezone import now

from customers.models import Customer, LenderFile
from tenants.tests.factories import TenantFactory
from uploads import processing
from uploads.lender_files import register_missing
from uploads.models import FileUpload
from uploads.processing import (
    finish_upload,
    load_next_part,
    stalled_uploads,
)
from uploads.reading import MAX_ATTEMPTS, read_next_upload, read_upload
from uploads.services import cancel_upload
from uploads.tasks import carry_on, load_parts, process_upload, sweep
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

    carry_on()
    upload.refresh_from_db()
    assert upload.status != "completed"  # too early: its worker may be on the way

    stand_still(upload)
    carry_on()
    upload.refresh_from_db()
    assert upload.sentence == "Upload completed: 2 successful, 0 failed"
    assert Customer.objects.count() == 2


@pytest.fixture
def queue() -> Iterator[Any]:
    """The broker's queue of work on files, empty before and after."""
    with current_app.connection_for_write() as broker:
        client = broker.default_channel.client
        client.delete("files")
        yield client
        client.delete("files")


def names_in(queue: Any) -> list[str]:
    return [
        json.loads(task)["headers"]["task"].rpartition(".")[2]
        for task in queue.lrange("files", 0, -1)
    ]


def test_the_sweep_hands_out_what_stands_still_and_does_none_of_it(queue: Any) -> None:
    uploads = [make_upload() for _ in range(3)]
    for upload in uploads:
        stand_still(upload)

    sweep()

    assert names_in(queue) == ["load_parts"] * 3
    assert stages_of(uploads) == ["file_upload"] * 3
    load_parts()
    assert FileUpload.objects.filter(status="completed").count() == 3


def test_of_a_large_backlog_the_sweep_hands_out_a_few_tasks(queue: Any) -> None:
    for _ in range(12):
        stand_still(make_upload())

    sweep()

    tasks = [json.loads(task) for task in queue.lrange("files", 0, -1)]
    assert len(tasks) == 8
    # The next sweep sends others: these do not pile up where no worker comes.
    assert all(task["headers"]["expires"] for task in tasks)


def test_an_upload_that_cannot_be_completed_stops_no_sweep(queue: Any, caplog) -> None:
    broken, other = make_upload(), make_upload()
    for upload in (broken, other):
        read_upload(upload_id=upload.pk, now=now())
        load_part_of(upload)
    # A layout as no version of ours wrote it.
    FileUpload.objects.filter(pk=broken.pk).update(layout={"headers": 5})
    stand_still(broken)
    stand_still(other)

    sweep()

    other.refresh_from_db()
    assert other.status == "completed"
    assert f"Upload {broken.pk} could not be completed: TypeError" in caplog.text


def load_part_of(upload: FileUpload) -> None:
    """Load an upload's only part, and leave the upload as if its worker died then."""
    load_next_part(now=now(), upload_id=upload.pk)
    FileUpload.objects.filter(pk=upload.pk).update(
        status="processing", stage="customer_creation", completed_at=None
    )


def test_an_upload_that_cannot_be_registered_keeps_none_behind_it_out() -> None:
    broken, other = load(), load()
    LenderFile.objects.all().delete()
    FileUpload.objects.filter(pk=broken.pk).update(layout={"headers": 5})

    register_missing(limit=1)

    assert LenderFile.objects.get().upload == other


def test_a_file_that_the_database_refuses_stops_no_other_and_is_given_up() -> None:
    refused, other = make_upload(), make_upload()
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE upload_parts ADD CONSTRAINT poison"
            f" CHECK (upload_id <> {refused.pk})"
        )

    load_parts()

    other.refresh_from_db()
    assert other.status == "completed"
    for _ in range(MAX_ATTEMPTS):
        read_upload(upload_id=refused.pk, now=now())
    refused.refresh_from_db()
    assert refused.error == (
        "[csv_parse] The file could not be read in 5 attempts (IntegrityError)."
    )


def test_a_part_that_is_gone_is_no_longer_given_up() -> None:
    upload = make_upload()
    read_upload(upload_id=upload.pk, now=now())
    part_id = upload.parts.get().pk
    upload.parts.all().delete()

    processing._note_failure(part_id=part_id, reason="x", now=now())

    upload.refresh_from_db()
    assert upload.status == "processing"


def test_what_is_over_or_in_work_does_not_stand_still() -> None:
    done, failed, cancelled = load(), load("x"), make_upload()
    cancel_upload(upload_id=cancelled.pk, by=None, now=now())
    working = make_upload()
    read_upload(upload_id=working.pk, now=now())
    for upload in (done, failed, cancelled, working):
        stand_still(upload)
    working.parts.update(claimed_at=now())

    assert stalled_uploads(now=now()) == []
