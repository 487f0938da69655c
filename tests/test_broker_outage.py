"""Redis is dead, and nobody brings it back: messages and files arrive all the same."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.utils import timezone

from contacts.models import Contact
from customers.models import Customer
from messaging.events import store_event
from messaging.routing import APP
from messaging.tests.bodies import message, message_body
from tenants.tests.factories import WhatsAppNumberFactory
from tests.processes import environment_on_the_tests_database, wait_until
from uploads.models import FileUpload, UploadWork
from uploads.services import create_upload
from uploads.tests.factories import make_upload

DEAD = "redis://127.0.0.1:1/0"  # nobody listens there


@pytest.fixture
def beat(tmp_path: Path) -> Iterator[None]:
    """The clock of a system whose broker is gone, on the database of the tests."""
    environment = environment_on_the_tests_database() | {
        "REDIS_URL": DEAD,
        "UPLOAD_PART_SECONDS": "5",
    }
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "config", "beat"]
    process = subprocess.Popen(
        [*command, "--pidfile=", f"--schedule={tmp_path / 'beat'}"],
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield
    process.kill()
    process.wait(10)


@pytest.mark.django_db(transaction=True)
def test_beat_does_the_work_of_the_workers_that_hear_nothing(
    beat: None,
) -> None:
    number = WhatsAppNumberFactory.create()
    body = message_body(message(), phone_number_id=number.phone_number_id)
    store_event(body=body, signed_by=APP)
    create_upload(
        tenant=number.tenant,
        file=ContentFile(b"name,phone\nRavi Kumar,9876543210\n"),
        name="dues.csv",
        uploaded_by=None,
        now=timezone.now(),
        queue=False,
    )

    wait_until(Contact.objects.exists, what="made a contact")
    wait_until(
        FileUpload.objects.filter(status="completed").exists, what="loaded the file"
    )

    assert Customer.objects.get().primary_phone == "+919876543210"


@pytest.mark.django_db(transaction=True)
def test_a_stuck_file_stops_neither_messages_nor_other_files(
    wait_in_the_database: None, beat: None
) -> None:
    number = WhatsAppNumberFactory.create()
    stuck = make_upload("Name,Mobile\nFor Ever,9876543210\n", tenant=number.tenant)
    wait_until(UploadWork.objects.filter(kind="load").exists, what="stuck")

    body = message_body(message(), phone_number_id=number.phone_number_id)
    store_event(body=body, signed_by=APP)
    other = make_upload()
    wait_until(Contact.objects.exists, what="made a contact")
    wait_until(
        FileUpload.objects.filter(pk=other.pk, status="completed").exists,
        what="loaded the other file",
    )

    stuck.refresh_from_db()
    assert stuck.status == "failed"
    assert "longer than 5 seconds" in stuck.error
