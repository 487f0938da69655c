"""A file that is read more than once: nothing is loaded by a reading that is over."""

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from customers.models import Customer
from tenants.models import Tenant
from uploads.choices import Choices, header_fingerprint
from uploads.models import FileUpload, UploadPart
from uploads.processing import count_waiting_parts, load_next_part
from uploads.reading import read_upload
from uploads.reviewing import choose, start
from uploads.services import pause_upload, resume_upload, retry_upload
from uploads.tests.factories import make_upload, work_off

pytestmark = pytest.mark.django_db

# By its name the customer's phone is Mobile; here somebody says that Kin is.
TWO_PHONES = (
    "Name,Mobile,Kin\nAsha,9876543210,9000000001\nVikram,9876543211,9000000002\n"
)
KIN = ["+919000000001", "+919000000002"]


@pytest.fixture
def started(tenant: Tenant, clerk: User) -> FileUpload:
    """An upload that was started with other columns than it was read with."""
    upload = make_upload(TWO_PHONES, tenant=tenant, review=FileUpload.Review.ALWAYS)
    assert work_off(upload).status == "review"
    choices = Choices(
        header=header_fingerprint(["Name", "Mobile", "Kin"]),
        meanings={0: "full_name", 2: "primary_phone"},
    )
    assert choose(upload_id=upload.pk, choices=choices, now=now())
    assert start(upload_id=upload.pk, by=clerk, now=now())
    upload.refresh_from_db()
    return upload


def loaded_phones() -> list[str]:
    return sorted(Customer.objects.values_list("primary_phone", flat=True))


def test_no_worker_loads_columns_that_nobody_confirmed(started: FileUpload) -> None:
    assert not load_next_part(now=now())
    assert count_waiting_parts(upload_id=started.pk) == 0

    assert work_off(started).status == "completed"
    assert loaded_phones() == KIN


@pytest.mark.django_db(transaction=True)
def test_retry_reads_the_file_as_it_was_confirmed(
    started: FileUpload, clerk: User
) -> None:
    FileUpload.objects.get(pk=started.pk).mark_failed(
        stage=FileUpload.Stage.CSV_PARSE, message="No space left.", now=now()
    )

    assert retry_upload(upload_id=started.pk, by=clerk, now=now())

    assert not load_next_part(now=now())
    assert work_off(started).status == "completed"
    assert loaded_phones() == KIN


def test_a_pause_before_the_second_reading_keeps_the_columns(
    started: FileUpload, clerk: User
) -> None:
    assert pause_upload(upload_id=started.pk, by=clerk, now=now())
    assert resume_upload(upload_id=started.pk, by=clerk, now=now())

    assert not load_next_part(now=now())
    assert work_off(started).status == "completed"
    assert loaded_phones() == KIN


def test_an_upload_with_parts_has_no_other_reading(tenant: Tenant) -> None:
    upload = make_upload(TWO_PHONES, tenant=tenant)
    read_upload(upload_id=upload.pk, now=now())
    part = UploadPart.objects.get()

    with pytest.raises(IntegrityError), transaction.atomic():
        FileUpload.objects.filter(pk=upload.pk).update(reading=part.reading + 1)
    with pytest.raises(IntegrityError), transaction.atomic():
        UploadPart.objects.filter(pk=part.pk).update(reading=part.reading + 1)


def test_parts_are_those_of_the_last_reading(started: FileUpload) -> None:
    read_upload(upload_id=started.pk, now=now())

    started.refresh_from_db()
    assert {part.reading for part in started.parts.all()} == {started.reading}
    assert started.reading > 1
