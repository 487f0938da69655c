"""Everything hostile at once, and the signed posts beside it."""

import hashlib
import hmac
import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest

from config.management.commands.start import HOST
from messaging.tests.bodies import PHONE_NUMBER_ID, WABA_ID
from tests.faults.system import SECRET, System
from tests.faults.test_webhook import REGISTER, body_of
from tests.processes import embedded_directory, wait_until
from tests.web_server import EndlessBody, SlowClients

# A file that is stuck while it is read (opening it waits for a writer), one that is
# stuck while it is loaded (the database waits), and one of another tenant behind them.
FILES = """
import os
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone
from tenants.models import Tenant
from uploads.services import create_upload
with connection.cursor() as cursor:
    cursor.execute('''
CREATE FUNCTION wait_for_ever() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.full_name = 'For Ever' THEN PERFORM pg_sleep(3600); END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER wait_for_ever BEFORE INSERT ON customers
FOR EACH ROW EXECUTE FUNCTION wait_for_ever();
''')
other = Tenant.objects.create(name="Other", slug="other")
for tenant_id, name in ((1, "reading"), (1, "loading"), (other.pk, "behind")):
    person = "For Ever" if name == "loading" else "Asha Rao"
    upload = create_upload(
        tenant=Tenant.objects.get(pk=tenant_id), name=name, uploaded_by=None,
        file=ContentFile(f"name,phone\\n{person},9876543210\\n".encode()),
        now=timezone.now(), queue=False)
    if name == "reading":
        path = default_storage.path(upload.file.name)
        os.unlink(path)
        os.mkfifo(path)
"""


def post(system: System, number: int) -> tuple[int, float]:
    """Post a signed message; return the answer's status and the seconds it took."""
    body = body_of(f"wamid.attack.{number}", person_number=number)
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    client = http.client.HTTPConnection(HOST, system.port, timeout=60)
    began_at = time.monotonic()
    client.request(
        "POST",
        "/webhooks/whatsapp/",
        body=body,
        headers={"X-Hub-Signature-256": f"sha256={digest}"},
    )
    status = client.getresponse().status
    client.close()
    return status, time.monotonic() - began_at


def log_in(system: System, number: int) -> int:
    """Guess a password, as whoever tries many accounts; return the answer's status."""
    client = http.client.HTTPConnection(HOST, system.port, timeout=120)
    client.request("GET", "/admin/login/")
    page = client.getresponse()
    page.read()
    cookie = (page.getheader("Set-Cookie") or "").partition(";")[0]
    form = {
        "username": f"somebody{number}",
        "password": "a guess",
        "csrfmiddlewaretoken": cookie.partition("=")[2],
    }
    client.request(
        "POST",
        "/admin/login/",
        urlencode(form),
        {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie},
    )
    status = client.getresponse().status
    client.close()
    return status


@contextmanager
def in_background(function: Callable[..., Any], *arguments: Any) -> Iterator[None]:
    thread = threading.Thread(target=function, args=arguments)
    thread.start()
    yield
    thread.join()


@contextmanager
def attacked_system() -> Iterator[System]:
    """All of the product, its workers of files stuck."""
    with embedded_directory() as directory:
        system = System(directory)
        limits = {"UPLOAD_PART_SECONDS": "20", "UPLOAD_READING_SECONDS": "20"}
        system.environment |= limits
        try:
            system.start("web", "beat", "messages", "files")
            system.script(REGISTER, PHONE_NUMBER_ID, WABA_ID)
            system.script(FILES)
            wait_until(
                lambda: system.rows("SELECT count(*) FROM upload_work") == [(2,)],
                what="stuck",
            )
            yield system
        finally:
            system.stop()


def attack(system: System, *, slow: int, logins: int, posts: int) -> list[float]:
    """Return the seconds that each signed post took, the shortest first."""
    guesses: Counter[int] = Counter()

    def guess_all() -> None:
        with ThreadPoolExecutor(logins) as threads:
            guesses.update(threads.map(lambda n: log_in(system, n), range(logins)))

    with (
        SlowClients(system.port, count=slow),
        in_background(guess_all),
        in_background(EndlessBody, system.port, "/api/v1/uploads/"),
        ThreadPoolExecutor(8) as threads,
    ):
        answers = list(threads.map(lambda n: post(system, n), range(posts)))

    assert Counter(status for status, _ in answers) == {200: posts}
    # Tried and wrong, locked out, or told to come again: never an error.
    assert set(guesses) <= {200, 429, 503}, guesses
    return sorted(seconds for _, seconds in answers)


def assert_all_is_done(system: System, *, posts: int) -> None:
    """Every message is there; the stuck files failed, and the one behind is loaded."""
    with psycopg.connect(system.address(), autocommit=True) as database:
        wait_until(
            lambda: (
                database.execute("SELECT count(*) FROM chat_messages").fetchone()
                == (posts,)
            ),
            what="drained",
        )
    ended = {"reading": "failed", "loading": "failed", "behind": "completed"}
    wait_until(
        lambda: (
            dict(system.rows("SELECT original_name, status FROM file_uploads")) == ended
        ),
        what="ended",
        seconds=120,
    )
    errors = dict(system.rows("SELECT original_name, error FROM file_uploads"))
    assert errors["reading"].startswith("[csv_parse] ")
    assert errors["loading"].startswith("[customer_creation] ")


def test_an_attack_on_everything_loses_no_message() -> None:
    with attacked_system() as system:
        attack(system, slow=100, logins=20, posts=100)

        assert_all_is_done(system, posts=100)


@pytest.mark.faults
def test_an_attack_on_everything_delays_no_message(
    record_property: Callable[[str, object], None],
) -> None:
    with attacked_system() as system:
        seconds = attack(system, slow=500, logins=150, posts=1000)
        record_property("p50", seconds[500])
        record_property("p99", seconds[989])

        assert seconds[989] < 1
        assert_all_is_done(system, posts=1000)
