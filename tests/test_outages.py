"""PostgreSQL goes away, or hangs, under a real web server, and comes back."""

import contextlib
import hashlib
import hmac
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from config.embedded import keeper, postgresql
from config.management.commands.start import HOST, is_healthy, web_command
from tests.processes import (
    embedded_directory,
    environment_of,
    free_port,
    processes_of,
    wait_until,
)

SECRET = "a secret of ours"


class Web:
    """A web server with embedded servers of its own, which nobody heals."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.environment = environment_of(directory) | {"WHATSAPP_APP_SECRET": SECRET}
        self.process = subprocess.Popen(
            web_command(self.port),
            cwd=settings.BASE_DIR,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.manage("migrate", "--verbosity=0")
        wait_until(lambda: is_healthy(self.port), what="healthy")

    def manage(self, *words: str) -> None:
        """Run a command; it starts what does not run of the embedded servers."""
        subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=settings.BASE_DIR,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    def stop_database(self) -> None:
        pid = keeper.server_pid(self.directory, keeper.POSTGRESQL)
        assert pid
        os.kill(pid, signal.SIGINT)
        wait_until(
            lambda: not keeper.server_pid(self.directory, keeper.POSTGRESQL),
            what="stopped",
        )

    def database(self) -> psycopg.Connection:
        return psycopg.connect(postgresql.start(self.directory))

    def processes(self) -> set[int]:
        return {
            pid
            for pid, command in processes_of(self.directory).items()
            if "granian" in command
        }

    def bodies(self) -> list[bytes]:
        with self.database() as database:
            rows = database.execute("SELECT body FROM webhook_events").fetchall()
        return [body for (body,) in rows]

    def post(self, body: bytes) -> int:
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        client = http.client.HTTPConnection(HOST, self.port, timeout=30)
        began_at = time.monotonic()
        client.request(
            "POST",
            "/webhooks/whatsapp/",
            body=body,
            headers={"X-Hub-Signature-256": f"sha256={digest}"},
        )
        with contextlib.closing(client), client.getresponse() as response:
            # Not of speed: this is when Meta stops to listen.
            assert time.monotonic() - began_at < 5
            return response.status

    def post_at_once(self, bodies: list[bytes]) -> list[int]:
        with ThreadPoolExecutor(len(bodies)) as threads:
            return list(threads.map(self.post, bodies))


@pytest.fixture
def web() -> Iterator[Web]:
    with embedded_directory() as directory:
        web = Web(directory)
        try:
            yield web
        finally:
            web.process.terminate()
            web.process.wait()


def test_only_what_is_stored_is_answered_200_whatever_the_database_does(
    web: Web,
) -> None:
    processes = web.processes()
    many = [b"at once %d" % number for number in range(200)]
    lost = [b"lost %d" % number for number in range(40)]

    assert web.post_at_once(many) == [200] * 200
    assert sorted(web.bodies()) == sorted(many)

    web.stop_database()
    assert web.post_at_once(lost) == [503] * 40

    web.manage("check")
    assert web.post(b"first after the restart") == 200
    assert sorted(web.bodies()) == sorted([*many, b"first after the restart"])

    with web.database() as database:
        database.execute("LOCK TABLE webhook_events")
        assert web.post_at_once(lost) == [503] * 40
    wait_until(lambda: web.post(b"after the lock") == 200, what="stored again")
    stored = web.bodies()
    # Who was told 503 may be stored all the same, once: Meta sends it again.
    assert len(stored) == len(set(stored))
    assert set(stored) >= {*many, b"first after the restart", b"after the lock"}
    assert web.processes() == processes
