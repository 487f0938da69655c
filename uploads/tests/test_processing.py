import json
import logging
import re
from datetime import timedelta

import pytest
from celery import current_app
from django.db import connection
from django.utils import timezone

from customers.models import Customer
from tenants.tests.factories import TenantFactory
from uploads import processing
from uploads.models import FileUpload, RowIssue, UploadPart
from uploads.processing import (
    MAX_ATTEMPTS,
    MAX_DEATHS,
    finish_upload,
    load_next_part,
    stalled_uploads,
)
from uploads.reading import read_upload
from uploads.services import cancel_upload, find_twin, retry_upload
from uploads.tasks import load_parts, process_upload, sweep
from uploads.tests.everywhere import texts_of_all_tables
from uploads.tests.factories import TWO_ROWS, load, make_upload, work_off

pytestmark = pytest.mark.django_db

HEADER = "full_name,primary_phone,loan_amount,due_date\n"


def now():
    return timezone.now()


def test_a_customer_sent_again_becomes_another_dated_entry() -> None:
    tenant = TenantFactory.create()

    first = load(f"{HEADER}Rajesh,9876543210,15000,2024-11-15\n", tenant=tenant)
    second = load(f"{HEADER}Rajesh,9876543210,20000,2024-12-15\n", tenant=tenant)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT full_name, loan_amount, due_date::text, fingerprint FROM customers"
            " WHERE primary_phone LIKE '%9876543210' ORDER BY created_at DESC, id DESC"
        )
        newer, older = cursor.fetchall()
    assert first.sentence == second.sentence
    assert second.sentence == "Upload completed: 1 successful, 0 failed"
    assert newer[:3] == ("Rajesh", 20000, "2024-12-15")
    assert older[:3] == ("Rajesh", 15000, "2024-11-15")
    assert re.fullmatch("[0-9a-f]{32}", newer[3])
    assert newer[3] != older[3]


def test_the_same_file_again_makes_new_entries_and_knows_its_twin() -> None:
    first = load()

    second = load(tenant=first.tenant)

    assert (second.succeeded_rows, second.failed_rows) == (2, 0)
    assert Customer.objects.count() == 4
    assert Customer.objects.values("fingerprint").distinct().count() == 4
    assert find_twin(second) == first
    assert find_twin(first) is None
    assert find_twin(load()) is None  # another tenant's is nobody's business


def test_a_row_carries_all_that_its_file_said() -> None:
    upload = load(
        "Name,Mobile,Aadhaar,Email,State,LAN,EMI,DPD,As on,Docket\n"
        'Asha Kadam,+91 98765-43210,3456 7812 9046,a@example.com,Goa,LN1,"Rs. 500/-",'
        "12,15-Nov-24,K\\100\n"
    )

    entry = Customer.objects.get()
    assert entry.tenant == upload.tenant
    assert entry.upload == upload
    assert (entry.row_number, entry.primary_phone) == (2, "+919876543210")
    assert (entry.email, entry.state, entry.loan_number) == (
        "a@example.com",
        "Goa",
        "LN1",
    )
    assert (str(entry.emi_amount), entry.days_past_due) == ("500.00", 12)
    assert str(entry.as_of_date) == "2024-11-15"
    assert entry.national_id_masked == "XXXXXXXX9046"
    assert entry.extra == {"Docket": "K\\100"}
    assert entry.loan_amount is None
    assert entry.id.version == 7


def test_ids_follow_the_lines_of_the_file() -> None:
    load("Name,Mobile\n" + "".join(f"Asha,98765{n:05}\n" for n in range(5000)))

    numbers = Customer.objects.order_by("id").values_list("row_number", flat=True)
    assert list(numbers) == list(range(2, 5002))


def test_one_national_id_has_one_digest_however_it_is_written(settings) -> None:
    text = (
        "Name,Mobile,Aadhaar\nA,9876543210,345678129046\nB,9876543211,3456 7812 9046\n"
    )
    load(text)
    first, second = Customer.objects.values_list("national_id_digest", flat=True)
    settings.NATIONAL_ID_KEY = "another key"
    load(text)

    assert first == second
    assert len(first) == 64
    assert Customer.objects.values("national_id_digest").distinct().count() == 2


def test_a_national_id_stands_whole_nowhere(caplog) -> None:
    load(
        "Name,Mobile,Aadhaar,EMI,Remark 234123412346\n"
        "Asha,9876543210,345678129046,5,KYC 4987 1230 4560\n"
        "Vikram,12,672309184521,5,x\n"
        "Meera,9876543211,234123412347,345678129046,581209473652\n",
        name="723091845611.csv",
    )

    everything = texts_of_all_tables() + caplog.text
    for number in (
        "345678129046", "498712304560", "672309184521", "234123412347",
        "581209473652", "723091845611", "234123412346",
    ):  # fmt: skip
        assert number not in everything


def test_the_log_follows_an_upload(caplog) -> None:
    with caplog.at_level(logging.INFO):
        upload = load(TWO_ROWS + "Meera,12,5\n", name="overdue 9876543210.csv")

    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        f"Created file upload record with ID: {upload.pk}",
        "Parsed 3 customer records from overdue ….csv",
        "File processing completed: 2 successful, 1 failed",
    ]


def test_every_problem_of_a_row_is_told_and_the_row_counts_once() -> None:
    upload = load(f"{HEADER}Asha,9.19876E+11,x,31/02/2024\n,,5,\n")

    issues = RowIssue.objects.order_by("line", "id").values_list(
        "line", "column_name", "value_masked", "code"
    )
    assert list(issues) == [
        (2, "primary_phone", "*******E+11", "phone_exponent"),
        (2, "loan_amount", "x", "amount_unknown"),
        (2, "due_date", "31/02/2024", "date_impossible"),
        (3, "full_name", "", "name_missing"),
        (3, "primary_phone", "", "phone_missing"),
    ]
    assert (upload.total_rows, upload.succeeded_rows, upload.failed_rows) == (2, 0, 2)


# Failures name their stage


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


def forbid_line(number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE customers ADD CONSTRAINT poison"
            f" CHECK (row_number <> {number})"
        )


def allow_all_lines() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE customers DROP CONSTRAINT poison")


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


# Turns, repeats and rests


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

    loaded = processing._load(part_id=upload.parts.get().pk, now=now())

    assert loaded is None
    assert Customer.objects.count() == 2


def test_an_upload_rings_the_bell_once_it_is_committed(
    django_capture_on_commit_callbacks,
) -> None:
    with current_app.connection_for_write() as broker:
        queue = broker.default_channel.client
        queue.delete("celery")

        with django_capture_on_commit_callbacks(execute=True):
            upload = make_upload(queue=True)
            rung_early = queue.llen("celery")

        (ring,) = queue.lrange("celery", 0, -1)
        queue.delete("celery")
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


# Cancelling and trying again


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


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("overdue.csv", "overdue.csv"),
        ("C:\\Users\\me\\overdue.csv", "overdue.csv"),
        ("../../etc/passwd", "passwd"),
        ("नाम फाइल (1).csv", "नाम फाइल (1).csv"),
        ("over\ndue\x00.csv", "overdue.csv"),
        ("", "unnamed"),
        ("x" * 300, "x" * 200),
    ],
)
def test_a_file_is_known_by_its_own_name_and_kept_under_another(
    sent: str, kept: str
) -> None:
    upload = make_upload(name=sent)

    assert upload.original_name == kept
    assert re.fullmatch(rf"uploads/{upload.tenant_id}/[0-9a-f]{{32}}", upload.file.name)
