"""Workers side by side, and workers that die: real connections, real processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from customers.models import Customer
from tenants.models import Tenant
from uploads import processing, reading
from uploads.choices import Choices, header_fingerprint
from uploads.models import FileUpload, RowIssue, UploadWork
from uploads.processing import load_next_part
from uploads.reading import read_upload
from uploads.reviewing import choose, start
from uploads.services import (
    cancel_upload,
    pause_upload,
    resume_upload,
    retry_upload,
)
from uploads.tasks import process_upload
from uploads.tests.factories import make_upload, work_off
from uploads.undoing import undo_upload
from uploads.work import WORK_LOCKS

pytestmark = pytest.mark.django_db(transaction=True)

DEADLINE_SECONDS = 60


def rows(count: int) -> str:
    lines = (
        f"Asha,{'x' if n % 100 == 7 else '98765'}{n:05},{n},{'y' * 30}\n"
        for n in range(count)
    )
    return "Name,Mobile,EMI,Note\n" + "".join(lines)


def side_by_side(*acts: Callable[[], object]) -> None:
    """Run each act in a thread with a connection of its own, and wait for all."""
    failures: list[BaseException] = []

    def run(act: Callable[[], object]) -> None:
        try:
            act()
        except BaseException as exc:
            failures.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    assert not failures


def wait_until(happened: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, f"never {what}"
        time.sleep(0.005)


def content() -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """What was loaded, without ids and times."""
    return (
        sorted(
            Customer.objects.values_list(
                "row_number", "full_name", "primary_phone", "emi_amount"
            )
        ),
        sorted(RowIssue.objects.values_list("line", "code", "value_masked")),
    )


def make_tenant() -> Tenant:
    return Tenant.objects.create(name="Lender", slug="lender")


def test_the_same_task_twice_at_once_loads_a_file_once() -> None:
    upload = make_upload(rows(25_000), tenant=make_tenant())

    side_by_side(*[lambda: process_upload(upload.pk)] * 3)

    upload = work_off(upload)
    assert upload.sentence == "Upload completed: 24750 successful, 250 failed"
    assert Customer.objects.count() == 24_750
    assert Customer.objects.values("row_number").distinct().count() == 24_750
    assert upload.parts.count() == 2


def test_two_uploads_of_one_file_at_once_are_both_whole() -> None:
    tenant = make_tenant()
    uploads = [make_upload(rows(500), tenant=tenant) for _ in range(2)]

    side_by_side(*[lambda u=upload: process_upload(u.pk) for upload in uploads])

    for upload in uploads:
        assert work_off(upload).succeeded_rows == 495
        assert Customer.objects.filter(upload=upload).count() == 495
    assert Customer.objects.values("fingerprint").distinct().count() == 990


def cut_into_parts(upload: FileUpload) -> None:
    """Make a part of each row, as a file of a million rows has fifty."""
    read_upload(upload_id=upload.pk, now=timezone.now())
    whole = upload.parts.get()
    with upload.file.open() as file:
        file.seek(whole.start_byte)
        lines = file.readlines()
    whole.delete()
    start = whole.start_byte
    for number, line in enumerate(lines):
        upload.parts.create(
            reading=whole.reading,
            number=number,
            start_byte=start,
            end_byte=start + len(line),
            first_line=number + 2,
            row_count=1,
        )
        start += len(line)


def test_a_reader_that_was_overtaken_reads_nothing() -> None:
    tenant, clerk = make_tenant(), User.objects.create_user("clerk")
    upload = make_upload(
        "Name,Mobile,Kin\nAsha,9876543210,9000000001\n",
        tenant=tenant,
        review=FileUpload.Review.ALWAYS,
    )
    slow = threading.Thread(target=read_in_a_thread, args=(upload.pk,))
    with next_work_held():
        slow.start()
        wait_until(
            lambda: UploadWork.objects.filter(upload=upload).exists(), "began to read"
        )
        assert work_off(upload).status == "review"
        kin = Choices(
            header=header_fingerprint(["Name", "Mobile", "Kin"]),
            meanings={0: "full_name", 2: "primary_phone"},
        )
        choose(upload_id=upload.pk, choices=kin, now=timezone.now())
        assert start(upload_id=upload.pk, by=clerk, now=timezone.now())
    slow.join(DEADLINE_SECONDS)

    upload.refresh_from_db()
    assert (upload.status, upload.stage) == ("processing", "csv_parse")
    assert work_off(upload).status == "completed"
    assert Customer.objects.get().primary_phone == "+919000000001"


def read_in_a_thread(upload_id: int) -> None:
    try:
        read_upload(upload_id=upload_id, now=timezone.now())
    finally:
        connection.close()


@contextmanager
def next_work_held() -> Iterator[None]:
    """Let whoever begins the next work on a file wait before it does it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('upload_work', 'id')) + 1"
        )
        lock = [WORK_LOCKS, cursor.fetchone()[0]]
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", lock)
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", lock)


def test_a_small_upload_is_loaded_amid_a_big_one_of_another_tenant() -> None:
    big = make_upload(rows(50), tenant=make_tenant())
    cut_into_parts(big)
    small = make_upload(
        rows(1), tenant=Tenant.objects.create(name="Other", slug="other")
    )
    came_at = []

    def work() -> None:
        while load_next_part(now=timezone.now()):
            pass

    def send_small_one() -> None:
        wait_until(lambda: big.parts.filter(status="done").count() > 4, "began")
        read_upload(upload_id=small.pk, now=timezone.now())
        came_at.append(timezone.now())

    side_by_side(work, work, send_small_one)
    while load_next_part(now=timezone.now()):
        pass

    big.refresh_from_db()
    small.refresh_from_db()
    assert (big.status, small.status) == ("completed", "completed")
    assert small.completed_at < big.completed_at
    assert Customer.objects.filter(upload=big).count() == big.succeeded_rows
    # Beside it were only the parts that two workers had in hand as it came.
    its_turn = small.parts.get().claimed_at
    meanwhile = big.parts.filter(claimed_at__range=(came_at[0], its_turn))
    assert meanwhile.count() <= 4


def is_somebody_waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = current_database()"
        )
        return cursor.fetchone()[0] > 0


@contextmanager
def loading_a_part(upload: FileUpload) -> Iterator[None]:
    """Have a part loaded up to its counts, which wait for what is done here."""
    loading = threading.Thread(
        target=lambda: side_by_side(lambda: load_next_part(now=timezone.now()))
    )
    with transaction.atomic():
        FileUpload.objects.select_for_update(no_key=True).get(pk=upload.pk)
        loading.start()
        wait_until(is_somebody_waiting, "waited for the upload")
        yield
    loading.join(DEADLINE_SECONDS)
    upload.refresh_from_db()


@pytest.mark.parametrize("is_undone", [False, True])
def test_a_part_in_work_is_taken_back_when_its_upload_ends(is_undone: bool) -> None:
    upload = make_upload(rows(25_000), tenant=make_tenant())
    read_upload(upload_id=upload.pk, now=timezone.now())
    load_next_part(now=timezone.now())
    before = content()

    with loading_a_part(upload):
        cancel_upload(upload_id=upload.pk, by=None, now=timezone.now())
        if is_undone:
            undo_upload(upload_id=upload.pk, by=None, now=timezone.now())

    assert upload.status == ("undone" if is_undone else "cancelled")
    assert upload.succeeded_rows == len(before[0])
    assert content() == ([] if is_undone else before[0], before[1])


def test_a_part_in_work_is_finished_when_its_upload_pauses() -> None:
    upload = make_upload(rows(25_000), tenant=make_tenant())
    read_upload(upload_id=upload.pk, now=timezone.now())

    with loading_a_part(upload):
        pause_upload(upload_id=upload.pk, by=None, now=timezone.now())

    assert not load_next_part(now=timezone.now())
    assert upload.status == "paused"
    done = upload.parts.get(status="done")
    assert (upload.succeeded_rows, upload.failed_rows) == (
        done.succeeded_rows,
        done.failed_rows,
    )
    assert Customer.objects.count() == upload.succeeded_rows

    resume_upload(upload_id=upload.pk, by=None, now=timezone.now())
    assert work_off(upload).sentence == "Upload completed: 24750 successful, 250 failed"


def test_an_undo_finds_the_part_that_was_counted_just_before_it() -> None:
    upload = make_upload(rows(500), tenant=make_tenant())
    read_upload(upload_id=upload.pk, now=timezone.now())
    part = upload.parts.get()

    def undo() -> None:
        undo_upload(upload_id=upload.pk, by=None, now=timezone.now())

    undoing = threading.Thread(target=lambda: side_by_side(undo))
    with transaction.atomic():
        processing._load(part_id=part.pk, work_id=0, now=timezone.now())
        # Of an upload that failed, or it would not be undone.
        FileUpload.objects.update(status="failed", error="[x] y")
        undoing.start()
        wait_until(is_somebody_waiting, "waited for the part")
    undoing.join(DEADLINE_SECONDS)

    upload.refresh_from_db()
    assert (upload.status, upload.undone_rows) == ("undone", 495)
    assert not Customer.objects.exists()


def test_who_pauses_does_not_wait_for_the_file_to_be_read() -> None:
    upload = make_upload(rows(500), tenant=make_tenant())
    upload.status = "processing"
    upload.save(update_fields=["status"])

    def pause() -> None:
        assert read_upload(upload_id=upload.pk, now=timezone.now()) == 0
        assert pause_upload(upload_id=upload.pk, by=None, now=timezone.now())

    with transaction.atomic():
        reading.take_turn_reading(upload.pk)
        side_by_side(pause)
        assert reading._read(upload, timezone.now(), work_id=0) == 0

    upload.refresh_from_db()
    assert upload.status == "paused"
    assert not upload.parts.exists()
    resume_upload(upload_id=upload.pk, by=None, now=timezone.now())
    assert work_off(upload).succeeded_rows == 495


def test_a_retry_does_not_wait_for_a_part_in_work() -> None:
    upload = make_upload(rows(25_000), tenant=make_tenant())
    read_upload(upload_id=upload.pk, now=timezone.now())

    with loading_a_part(upload):
        upload.mark_failed(
            stage=FileUpload.Stage.CUSTOMER_CREATION, message="x", now=timezone.now()
        )
        assert retry_upload(upload_id=upload.pk, by=None, now=timezone.now())

    assert work_off(upload).sentence == "Upload completed: 24750 successful, 250 failed"


def environment(settings: object, **changes: str) -> dict[str, str]:
    """Give another process this test's database and files."""
    database = connection.settings_dict
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": f"postgresql://{database['USER']}@/{database['NAME']}"
        f"?host={database['HOST']}&port={database['PORT']}",
        "REDIS_URL": "redis://127.0.0.1:1/0",  # nobody is there
        "MEDIA_ROOT": str(settings.MEDIA_ROOT),
        "NATIONAL_ID_KEY": settings.NATIONAL_ID_KEY,
        "SECRET_KEY": "x",
        "FIELD_ENCRYPTION_KEYS": "uQ1yJg2x0oYF1m5qv1yN3o4u7aX0l2M4q6Z8b0c2d4E=",
        "WHATSAPP_APP_SECRET": "x",
        "WHATSAPP_VERIFY_TOKEN": "x",
        "ALLOWED_HOSTS": "testserver",
        **changes,
    }


WORKER = """
import sys, django
django.setup()
from uploads.tasks import process_upload
process_upload(int(sys.argv[1]))
"""


def start_worker(settings: object, upload: FileUpload) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  our own interpreter and code
        [sys.executable, "-W", "ignore", "-c", WORKER, str(upload.pk)],
        env=environment(settings),
        stderr=subprocess.DEVNULL,
    )


def test_a_worker_killed_in_the_middle_of_a_part_changes_nothing(settings) -> None:
    tenant = make_tenant()
    undisturbed = work_off(make_upload(rows(25_000), tenant=tenant))
    expected = content()
    Customer.objects.all().delete()
    RowIssue.objects.all().delete()

    upload = make_upload(rows(25_000), tenant=tenant)
    worker = start_worker(settings, upload)
    try:
        wait_until(
            lambda: upload.parts.filter(attempts=1, status="pending").exists(),
            "claimed a part",
        )
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait(DEADLINE_SECONDS)
    in_the_middle = upload.parts.filter(status="pending").exists()
    worker = start_worker(settings, upload)
    assert worker.wait(DEADLINE_SECONDS) == 0

    upload.refresh_from_db()
    assert in_the_middle
    assert upload.sentence == undisturbed.sentence
    assert content() == expected


NO_REDIS = """
import io, sys, django
from datetime import timedelta
django.setup()
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.utils import timezone
from tenants.models import Tenant
from uploads.models import FileUpload
from uploads.services import create_upload, pause_upload, resume_upload
from uploads.tasks import process_upload, sweep
tenant = Tenant.objects.get(slug="lender")
upload = create_upload(
    tenant=tenant, file=ContentFile(b"Name,Mobile\\nAsha,9876543210\\n"), name="a.csv",
    uploaded_by=None, now=timezone.now(),
)
for act in (pause_upload, resume_upload):
    act(upload_id=upload.pk, by=None, now=timezone.now())
    print(FileUpload.objects.get(pk=upload.pk).status)
process_upload(upload.pk)
print(FileUpload.objects.get(pk=upload.pk).sentence)
stalled = create_upload(
    tenant=tenant, file=ContentFile(b"Name,Mobile\\nUma,9876543211\\n"), name="c.csv",
    uploaded_by=None, now=timezone.now() - timedelta(minutes=1),
)
sweep()
print(FileUpload.objects.get(pk=stalled.pk).sentence)
call_command("import_customers", sys.argv[1], "--tenant", "lender", "--here")
"""


def test_with_redis_dead_an_upload_still_finishes(settings, tmp_path) -> None:
    make_tenant()
    file = tmp_path / "b.csv"
    file.write_text(rows(500))

    done = subprocess.run(  # noqa: S603  our own interpreter and code
        [sys.executable, "-W", "ignore", "-c", NO_REDIS, str(file)],
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )

    assert done.stdout.splitlines()[:4] == [
        "paused",
        "pending",
        "Upload completed: 1 successful, 0 failed",
        "Upload completed: 1 successful, 0 failed",  # by the sweep itself
    ], done.stderr
    assert done.stdout.splitlines()[-1] == "Upload completed: 495 successful, 5 failed"
    assert "The doorbell is dead, the sweep will do" in done.stderr
