"""Which process is killed, and which never is."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from uploads.models import FileUpload, UploadWork
from uploads.processing import load_next_part, stalled_uploads
from uploads.reading import read_upload
from uploads.services import cancel_upload, pause_upload, retry_upload
from uploads.tests.factories import make_upload, work_off
from uploads.tests.test_side_by_side import (
    is_somebody_waiting,
    side_by_side,
    wait_until,
)
from uploads.watchdog import is_child, stop_unwanted_work
from uploads.work import end, hold, process_name, this_process

pytestmark = pytest.mark.django_db(transaction=True)

LIMIT = timedelta(seconds=60)
WORKER = """
import sys
for name in sys.stdin:
    open("/proc/self/comm", "w").write(name.strip())
    print("at", name.strip(), flush=True)
"""


def work_at(upload: FileUpload, *, pid: int, part: bool = True) -> UploadWork:
    now = timezone.now()
    return UploadWork.objects.create(
        upload=upload,
        kind="load" if part else "read",
        part_number=0 if part else None,
        started_at=now,
        deadline_at=now + LIMIT,
        worker=this_process()["worker"],
        pid=pid,
    )


class Worker:
    """A process that says what it works at, and does nothing."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, "-c", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self.process.pid

    def does(self, work: UploadWork) -> None:
        assert self.process.stdin
        assert self.process.stdout
        print(process_name(work.pk), file=self.process.stdin, flush=True)
        assert self.process.stdout.readline()

    def was_killed(self) -> bool:
        return self.process.wait(60) == -signal.SIGKILL

    def is_alive(self) -> bool:
        return self.process.poll() is None


@pytest.fixture
def child() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.process.kill()
    worker.process.communicate()


def read(upload: FileUpload) -> FileUpload:
    read_upload(upload_id=upload.pk, now=timezone.now())
    upload.refresh_from_db()
    return upload


def look(*, after: timedelta = 2 * LIMIT) -> list[str]:
    return stop_unwanted_work(is_ours=is_child, now=timezone.now() + after)


@pytest.mark.parametrize("loads", [True, False], ids=["part", "reading"])
def test_overdue_work_is_killed_and_its_upload_fails_with_a_sentence(
    child: Worker, loads: bool
) -> None:
    upload = read(make_upload()) if loads else make_upload()
    child.does(work_at(upload, pid=child.pid, part=loads))

    told = look()

    assert child.was_killed()
    upload.refresh_from_db()
    assert upload.status == "failed"
    assert told == [f"Upload {upload.pk}: {upload.sentence}"]
    assert upload.error.startswith(
        "[customer_creation] The 2 rows from line 2 took longer than 60 seconds"
        if loads
        else "[csv_parse] Reading the file took longer than 60 seconds"
    )
    assert not UploadWork.objects.exists()
    assert list(upload.parts.values_list("status", flat=True)) == ["failed"] * loads


def test_what_was_stopped_is_handed_out_again_only_when_somebody_retries_it(
    child: Worker,
) -> None:
    upload = read(make_upload())
    child.does(work_at(upload, pid=child.pid))
    look()

    assert not load_next_part(now=timezone.now())
    assert stalled_uploads(now=timezone.now() + 2 * LIMIT) == []
    assert work_off(upload).succeeded_rows == 0

    assert retry_upload(upload_id=upload.pk, by=None, now=timezone.now())
    assert work_off(upload).sentence == "Upload completed: 2 successful, 0 failed"


def test_a_reading_that_failed_is_not_said_to_have_taken_too_long(
    child: Worker,
) -> None:
    """Its process noted why, and may be at the end of it still."""
    upload = read(make_upload("x"))
    error = upload.error
    child.does(work_at(upload, pid=child.pid, part=False))

    assert look() == []

    assert child.is_alive()
    upload.refresh_from_db()
    assert (upload.status, upload.error) == ("failed", error)
    assert not UploadWork.objects.exists()


def test_a_reading_that_fails_ends_its_work_before_it_says_so() -> None:
    upload = make_upload("x")

    with CaptureQueriesContext(connection) as asked:
        read(upload)

    order = [
        query["sql"].split()[0]
        for query in asked.captured_queries
        if query["sql"].startswith('DELETE FROM "upload_work"')
        or "'failed'" in query["sql"]
    ]
    assert order[:2] == ["DELETE", "UPDATE"]


def test_a_stuck_part_of_an_upload_that_failed_before_is_stopped_and_told_truly(
    child: Worker,
) -> None:
    upload = read(make_upload())
    child.does(work_at(upload, pid=child.pid))
    upload.mark_failed(
        stage=FileUpload.Stage.CUSTOMER_CREATION, message="x", now=timezone.now()
    )

    told = look()

    assert child.was_killed()
    assert told == [f"Upload {upload.pk}: Upload failed: [customer_creation] x"]


def test_a_process_that_ends_just_before_it_is_killed_spares_nobody_else(
    child: Worker,
) -> None:
    upload, other = (read(make_upload()) for _ in range(2))
    child.does(work_at(upload, pid=child.pid))
    second = Worker()
    second.does(work_at(other, pid=second.pid))
    told: list[str] = []
    watching = threading.Thread(
        target=lambda: side_by_side(lambda: told.extend(look()))
    )

    with transaction.atomic():
        FileUpload.objects.select_for_update().get(pk=upload.pk)
        watching.start()
        wait_until(is_somebody_waiting, "was to mark the upload")
        child.process.kill()
        child.process.wait()
    watching.join(60)

    assert second.was_killed()
    second.process.communicate()
    assert [sentence.split(":")[0] for sentence in told] == [
        f"Upload {upload.pk}", f"Upload {other.pk}",
    ]  # fmt: skip


def test_work_in_time_is_let_alone(child: Worker) -> None:
    child.does(work_at(read(make_upload()), pid=child.pid))

    look(after=LIMIT / 2)

    assert child.is_alive()
    assert UploadWork.objects.exists()


def test_work_for_a_cancelled_upload_ends_after_a_few_seconds(child: Worker) -> None:
    upload = read(make_upload())
    child.does(work_at(upload, pid=child.pid))
    cancel_upload(upload_id=upload.pk, by=None, now=timezone.now())

    look(after=timedelta(seconds=1))
    assert child.is_alive()
    look(after=timedelta(seconds=5))

    assert child.was_killed()
    upload.refresh_from_db()
    assert (upload.status, upload.error) == ("cancelled", "")


def test_work_for_a_paused_upload_is_let_alone(child: Worker) -> None:
    upload = read(make_upload())
    child.does(work_at(upload, pid=child.pid))
    pause_upload(upload_id=upload.pk, by=None, now=timezone.now())

    look(after=LIMIT / 2)

    assert child.is_alive()


def test_a_process_that_does_other_work_by_now_is_let_alone(child: Worker) -> None:
    """It could not say that the first work had ended: the database was away."""
    first, second = (read(make_upload()) for _ in range(2))
    left, now_doing = (work_at(upload, pid=child.pid) for upload in (first, second))
    UploadWork.objects.filter(pk=now_doing.pk).update(
        deadline_at=timezone.now() + 10 * LIMIT
    )
    child.does(now_doing)

    look()

    assert child.is_alive()
    assert list(UploadWork.objects.all()) == [now_doing]
    assert left != now_doing
    first.refresh_from_db()
    assert first.status == "processing"


def test_work_that_ends_at_this_moment_is_let_alone(child: Worker) -> None:
    upload = read(make_upload())
    work = work_at(upload, pid=child.pid)
    child.does(work)

    with transaction.atomic():
        end(work.pk)
        side_by_side(look)
        assert child.is_alive()

    look()
    assert child.is_alive()
    upload.refresh_from_db()
    assert upload.status == "processing"


def test_an_end_that_hangs_is_taken_back_in_the_database(child: Worker) -> None:
    upload = read(make_upload())
    work = work_at(upload, pid=child.pid)
    child.does(work)

    def end_and_hang() -> None:
        with transaction.atomic():
            hold(work.pk, limit=LIMIT)
            end(work.pk)
            side_by_side(look)
            UploadWork.objects.count()

    with pytest.raises(OperationalError):
        end_and_hang()
    connection.close()

    look()
    assert child.was_killed()
    upload.refresh_from_db()
    assert upload.status == "failed"


def test_processes_of_others_are_let_alone(child: Worker) -> None:
    upload = read(make_upload())
    child.does(work_at(upload, pid=child.pid))
    elsewhere = work_at(upload, pid=child.pid)
    UploadWork.objects.filter(pk=elsewhere.pk).update(worker="another host")
    child.does(elsewhere)

    told = stop_unwanted_work(
        is_ours=lambda pid: pid == os.getpid(), now=timezone.now() + 2 * LIMIT
    )
    told += look()  # ours, but it is at the work of a namesake on another host

    assert told == []
    assert child.is_alive()
