"""What holds up one kind of work delays no other, with real processes."""

import hashlib
import hmac
import http.client
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg
import pytest

from config.management.commands.start import CELERY, FILE_PROCESSES, HOST
from messaging.tests.bodies import PHONE_NUMBER_ID, WABA_ID, message, message_body
from tests.faults.system import SECRET, System, running
from tests.faults.test_webhook import REGISTER
from tests.processes import DEADLINE_SECONDS, processes_of, wait_until

HoldUp = Callable[[System], AbstractContextManager[Callable[[], bool]]]

logger = logging.getLogger(__name__)

POSTS = 20
UPLOADS = 4 * FILE_PROCESSES
# The promise is one second. Here others may have both cores.
MOST_SECONDS = 5.0

SEND = """
from django.core.files.base import ContentFile
from django.utils import timezone
from tenants.models import Tenant
from uploads.services import create_upload
for number in range(int(sys.argv[1])):
    create_upload(tenant=Tenant.objects.get(pk=1), name="dues.csv", uploaded_by=None,
        file=ContentFile(b"name,phone\\nRavi Kumar,98765432%02d\\n" % number),
        now=timezone.now(), queue=sys.argv[2:] == ["queue"], again=True)
"""
# As web of an earlier release does it.
RING_AS_OF_OLD = """
from django.utils import timezone
from uploads.models import FileUpload
from uploads.tasks import process_upload
for pk in FileUpload.objects.values_list("pk", flat=True):
    process_upload.apply_async([pk], queue="celery")
"""


@pytest.fixture
def system() -> Iterator[System]:
    with running("web") as system:
        system.script(REGISTER, PHONE_NUMBER_ID, WABA_ID)
        yield system


def post(system: System, wamid: str) -> None:
    """Send a message as Meta does."""
    body = message_body(message(wamid))
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    client = http.client.HTTPConnection(HOST, system.port, timeout=30)
    client.request(
        "POST",
        "/webhooks/whatsapp/",
        body=body,
        headers={"X-Hub-Signature-256": f"sha256={digest}"},
    )
    assert client.getresponse().status == 200
    client.close()


def seconds_until_shown(system: System, database: psycopg.Connection) -> list[float]:
    """Post messages one after the other; return how long each took to its row."""
    taken = []
    for number in range(POSTS):
        began_at = time.monotonic()
        post(system, f"wamid.{number}")
        wait_until(
            lambda number=number: (
                database.execute(
                    "SELECT FROM chat_messages WHERE wamid = %s", [f"wamid.{number}"]
                ).fetchone()
                is not None
            ),
            what="shown",
        )
        taken.append(time.monotonic() - began_at)
    return taken


def completed(system: System) -> int:
    ((count,),) = system.rows(
        "SELECT count(*) FROM file_uploads WHERE status = 'completed'"
    )
    return int(count)


def waiting_for_locks(system: System) -> int:
    ((count,),) = system.rows(
        "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"
    )
    return int(count)


@contextmanager
def locked_tables(system: System) -> Iterator[Callable[[], bool]]:
    """Let every process that does something with a file hang in PostgreSQL."""

    def are_stuck() -> bool:
        return waiting_for_locks(system) >= FILE_PROCESSES

    with psycopg.connect(system.address()) as holder:
        holder.execute("LOCK TABLE upload_parts, customers")
        system.script(SEND, str(UPLOADS), "queue")
        wait_until(are_stuck, what="stuck")
        yield are_stuck


def is_stopped(pid: int) -> bool:
    return ") T " in Path(f"/proc/{pid}/stat").read_text()


@contextmanager
def stopped_processes(system: System) -> Iterator[Callable[[], bool]]:
    """Stop the processes of the worker of files wherever they are."""
    pids = [
        pid
        for pid, command in processes_of(system.directory).items()
        if "files@%h" in command
    ]
    assert len(pids) > FILE_PROCESSES
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        system.script(SEND, str(UPLOADS), "queue")
        yield lambda: all(is_stopped(pid) for pid in pids)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("hold_up", [locked_tables, stopped_processes])
def test_a_message_is_shown_at_once_while_all_file_workers_are_stuck(
    system: System, hold_up: HoldUp
) -> None:
    system.start("messages", "files")
    system.script(SEND, "1", "queue")
    post(system, "wamid.before")
    wait_until(lambda: completed(system) == 1, what="loaded while nothing is held up")
    wait_until(
        lambda: system.rows("SELECT count(*) FROM chat_messages") == [(1,)],
        what="shown while nothing is held up",
    )
    address = system.address()

    with (
        hold_up(system) as are_stuck,
        psycopg.connect(address, autocommit=True) as database,
    ):
        taken = seconds_until_shown(system, database)
        wait_until(are_stuck, what="stuck still")
        assert completed(system) == 1

    logger.info("shown after at most %.2f s", max(taken))  # pytest --log-cli-level INFO
    assert max(taken) < MOST_SECONDS
    wait_until(
        lambda: completed(system) == 1 + UPLOADS,
        what="loaded afterwards",
        seconds=3 * DEADLINE_SECONDS,  # the sweep takes up what gave up to wait
    )


def test_what_an_earlier_release_queued_is_done_by_the_worker_of_files(
    system: System,
) -> None:
    system.script(SEND, "2")
    system.script(RING_AS_OF_OLD)

    system.start("files")

    wait_until(lambda: completed(system) == 2, what="loaded")
    left = system.script(
        "import redis; from django.conf import settings; "
        "print(redis.Redis.from_url(settings.REDIS_URL).llen('celery'))"
    )
    assert left == "0"


def test_one_worker_without_q_does_all_of_it_and_leaves_the_mark_of_each(
    system: System,
) -> None:
    system.commands["worker"] = [*CELERY, "worker", "--concurrency", "2"]

    system.start("worker")
    post(system, "wamid.1")
    system.script(SEND, "1", "queue")

    wait_until(
        lambda: system.rows("SELECT count(*) FROM chat_messages") == [(1,)],
        what="shown",
    )
    wait_until(lambda: completed(system) == 1, what="loaded")
    marks = system.rows(
        "SELECT kind FROM process_marks WHERE left(name, 7) = 'celery@' ORDER BY kind"
    )
    assert marks == [("background",), ("files",), ("messages",)]
