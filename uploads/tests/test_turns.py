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
from uploads.reading import read_upload
from uploads.services import cancel_upload
from uploads.tasks import load_parts, process_upload, sweep
from uploads.tests.factories import load, make_upload

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
