"""A file holds its worker for ever: real workers, of which each has one process.

Where a file is stuck, its process is stopped from outside as well: like one that is
inside C code and holds the interpreter's lock, it hears of nothing any more.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone
from kombu import Connection

from tenants.tests.factories import TenantFactory
from tests.processes import environment_on_the_tests_database, wait_until
from uploads.models import FileUpload, UploadWork
from uploads.services import cancel_upload
from uploads.tasks import process_upload
from uploads.tests.factories import make_upload

pytestmark = pytest.mark.django_db(transaction=True)

SHORT_SECONDS = 2
# Whoever is freed is freed long before.
LONG_SECONDS = 600


@pytest.fixture(autouse=True)
def _kept_files(settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "kept"


def broker_url() -> str:
    return f"{settings.REDIS_URL.rpartition('/')[0]}/7"


def queue(*uploads: FileUpload) -> None:
    with redis.Redis.from_url(broker_url()) as client:
        client.flushdb()
    with Connection(broker_url()) as broker:
        for upload in uploads:
            process_upload.apply_async((upload.pk,), connection=broker)


@contextmanager
def worker(tmp_path: Path, *, seconds: int) -> Iterator[None]:
    """Run a worker of one process on the tests' database."""
    environment = environment_on_the_tests_database() | {
        "REDIS_URL": broker_url(),
        "UPLOAD_PART_SECONDS": str(seconds),
        "UPLOAD_READING_SECONDS": str(seconds),
    }
    command = [sys.executable, "-m", "celery", "-A", "config", "worker"]
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--concurrency=1", "--without-gossip", "--without-mingle"],
            cwd=settings.BASE_DIR,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def stuck_in_a_part() -> FileUpload:
    return make_upload("Name,Mobile\nFor Ever,9876543210\n", name="stuck.csv")


def stuck_in_reading() -> FileUpload:
    upload = make_upload(name="stuck.csv")
    path = default_storage.path(str(upload.file.name))
    os.unlink(path)
    os.mkfifo(path)  # opening it waits for a writer
    return upload


def stop_its_process(upload: FileUpload) -> int:
    """Wait until a process is stuck in the upload, and stop it."""
    at_it = UploadWork.objects.filter(upload=upload)
    if upload.original_name == "stuck.csv" and not is_fifo(upload):
        at_it = at_it.filter(kind="load")
    wait_until(at_it.exists, what="stuck")
    pid = at_it.get().pid
    os.kill(pid, signal.SIGSTOP)
    return pid


def is_fifo(upload: FileUpload) -> bool:
    return Path(default_storage.path(str(upload.file.name))).is_fifo()


def status_of(upload: FileUpload) -> str:
    return FileUpload.objects.values_list("status", flat=True).get(pk=upload.pk)


def drop_connections() -> None:
    """End everybody's session, as a restart of the database does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def sessions_that_wait() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
            " AND datname = current_database()"
        )
        (count,) = cursor.fetchone()
    return int(count)


@pytest.mark.usefixtures("wait_in_the_database")
@pytest.mark.parametrize(
    ("stuck", "stage"),
    [(stuck_in_a_part, "customer_creation"), (stuck_in_reading, "csv_parse")],
    ids=["part", "reading"],
)
def test_a_stuck_file_fails_and_its_worker_goes_on_with_others(
    tmp_path: Path, stuck: Callable[[], FileUpload], stage: str
) -> None:
    bad = stuck()
    good = make_upload(tenant=TenantFactory.create())
    queue(bad, good)
    with worker(tmp_path, seconds=SHORT_SECONDS):
        pid = stop_its_process(bad)
        wait_until(lambda: status_of(good) == "completed", what="loaded the other")

    bad.refresh_from_db()
    assert bad.status == "failed"
    assert bad.error.startswith(f"[{stage}] ")
    assert f"longer than {SHORT_SECONDS} seconds" in bad.error
    assert bad.attempts == 1
    assert list(bad.parts.values_list("attempts", flat=True)) in ([], [1])
    assert not UploadWork.objects.exists()
    assert not Path(f"/proc/{pid}").exists()
    assert sessions_that_wait() == 0


@pytest.mark.usefixtures("wait_in_the_database")
@pytest.mark.parametrize("stuck", [stuck_in_a_part, stuck_in_reading])
def test_cancelling_a_stuck_file_frees_its_worker(
    tmp_path: Path, stuck: Callable[[], FileUpload]
) -> None:
    bad = stuck()
    good = make_upload(tenant=TenantFactory.create())
    queue(bad, good)
    with worker(tmp_path, seconds=LONG_SECONDS):
        stop_its_process(bad)
        if stuck is stuck_in_reading:
            drop_connections()  # also that of whoever watches
        cancel_upload(upload_id=bad.pk, by=None, now=timezone.now())
        wait_until(lambda: status_of(good) == "completed", what="loaded the other")

    bad.refresh_from_db()
    assert (bad.status, bad.error) == ("cancelled", "")
    assert sessions_that_wait() == 0


@pytest.mark.usefixtures("wait_in_the_database")
def test_a_file_that_is_stuck_in_a_command_ends_it_with_a_sentence(
    tmp_path: Path,
) -> None:
    path = tmp_path / "stuck.csv"
    path.write_text("Name,Mobile\nFor Ever,9876543210\n")
    tenant = TenantFactory.create()
    arguments = [str(path), f"--tenant={tenant.pk}", "--here"]

    command = subprocess.run(
        [sys.executable, "manage.py", "import_customers", *arguments],
        cwd=settings.BASE_DIR,
        env=environment_on_the_tests_database() | {"UPLOAD_PART_SECONDS": "2"},
        stderr=subprocess.PIPE,
        timeout=120,
        check=False,
    )

    upload = FileUpload.objects.get()
    assert upload.status == "failed"
    assert command.returncode == -signal.SIGKILL
    assert f"Upload {upload.pk}: Upload failed: " in command.stderr.decode()
    assert sessions_that_wait() == 0


@pytest.mark.usefixtures("wait_in_the_database")
def test_a_command_that_is_interrupted_says_that_its_upload_goes_on(
    tmp_path: Path,
) -> None:
    path = tmp_path / "stuck.csv"
    path.write_text("Name,Mobile\nFor Ever,9876543210\n")
    tenant = TenantFactory.create()
    arguments = [str(path), f"--tenant={tenant.pk}", "--here"]

    with subprocess.Popen(
        [sys.executable, "manage.py", "import_customers", *arguments],
        cwd=settings.BASE_DIR,
        env=environment_on_the_tests_database(),
        stderr=subprocess.PIPE,
    ) as command:
        wait_until(UploadWork.objects.filter(kind="load").exists, what="loaded")
        command.send_signal(signal.SIGINT)
        said = command.communicate(timeout=120)[1].decode()

    upload = FileUpload.objects.get()
    assert command.returncode == 130
    assert f"Stopped: what upload {upload.pk} has loaded is kept" in said
    assert "the next sweep goes on with it by itself. To end it, cancel it" in said
    assert (upload.status, upload.parts.get().status) == ("processing", "pending")
    assert not UploadWork.objects.exists()
