"""`manage.py start` with real processes: what it starts, restarts, and leaves behind.

The tests share one directory, so that the database is made and migrated once.
"""

import http.client
import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path

import pytest
from django.conf import settings

from config.embedded import keeper
from config.management.commands.start import WORKERS, port_number
from config.supervisor import Supervisor
from tests.open_files import open_to_others
from tests.processes import (
    DEADLINE_SECONDS,
    embedded_directory,
    environment_of,
    free_port,
    processes_of,
    wait_until,
    wait_until_nobody_is_left,
)


class Started:
    """A running `manage.py start`, and what it has printed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.process = subprocess.Popen(
            [
                *(sys.executable, "manage.py", "start", "--no-demo"),
                *("--port", str(self.port)),
            ],
            cwd=settings.BASE_DIR,
            env=environment_of(directory),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: queue.Queue[str] = queue.Queue()
        self.printed: list[str] = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed.append(line)
            self.lines.put(line)

    def wait_for(self, pattern: str) -> str:
        """Return the next line that matches."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = self.lines.get(timeout=left)
            except queue.Empty:
                break
            if re.search(pattern, line):
                return line
        raise AssertionError(f"never printed {pattern}:\n{''.join(self.printed)}")

    def wait_until_all_run(self) -> "Started":
        self.wait_for(r"ready after .* admin, password admin")
        for name in WORKERS:
            wait_until(lambda name=name: self.is_ready(name), what=f"{name} ready")
        return self

    def is_ready(self, worker: str) -> bool:
        pattern = re.compile(rf"{worker}@\S+ ready")
        return any(pattern.search(line) for line in self.printed)

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read().decode()
        connection.close()
        return response.status, body

    def health(self) -> dict[str, object]:
        answer: dict[str, object] = json.loads(self.get("/healthz")[1])
        return answer

    def processes(self, words: str) -> list[int]:
        """Return the running processes whose command line holds the words."""
        running = processes_of(self.directory)
        return [pid for pid, command in running.items() if words in command]

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join(DEADLINE_SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()


class Starts(ExitStack):
    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory

    def __call__(self) -> Started:
        started = Started(self.directory)
        self.callback(started.end)
        return started


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with embedded_directory() as path:
        yield path


@pytest.fixture
def start(directory: Path) -> Iterator[Starts]:
    with Starts(directory) as starts:
        yield starts
    wait_until_nobody_is_left(directory)


def test_a3_one_command_serves_until_it_is_ended_and_leaves_no_process(
    start: Starts,
) -> None:
    started = start().wait_until_all_run()

    assert started.get("/admin/login/")[0] == HTTPStatus.OK
    wait_until(lambda: started.health()["status"] == "ok", what="seen to be well")
    assert started.health() == {
        "status": "ok",
        "database": "ok",
        "redis": "ok",
        "oldest_pending_seconds": 0.0,
        "processes": dict.fromkeys([*WORKERS, "beat"], "ok"),
        "stuck": [],
    }
    assert started.processes("celery --quiet")
    assert not [line for line in started.printed if "ERROR" in line]

    started.process.terminate()

    assert started.process.wait(DEADLINE_SECONDS) == 0
    assert processes_of(start.directory) == {}


def test_it_leaves_no_process_when_killed(start: Starts) -> None:
    started = start().wait_until_all_run()

    started.process.kill()

    wait_until_nobody_is_left(start.directory)


def test_nothing_that_it_writes_is_open_to_others(start: Starts) -> None:
    start().wait_until_all_run()

    wait_until(lambda: list(start.directory.glob("beat*")), what="a schedule of beat's")
    assert open_to_others(start.directory) == {}


def test_it_stops_at_once_while_it_still_prepares(start: Starts) -> None:
    started = start()
    wait_until(lambda: started.processes("keeper.py"), what="begun")

    started.process.terminate()

    started.process.wait(DEADLINE_SECONDS)
    wait_until_nobody_is_left(start.directory)


def test_what_dies_runs_again_until_ctrl_c(start: Starts) -> None:
    started = start().wait_until_all_run()

    for name in WORKERS:
        os.kill(started.processes(f"{name}@%h")[0], signal.SIGKILL)
        started.wait_for(f"{name} ended with code -9, starting it again")
        started.wait_for(rf"{name}@\S+ ready")

    for server in (keeper.REDIS, keeper.POSTGRESQL):
        pid = keeper.server_pid(start.directory, server)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        started.wait_for("had died and runs again")
    wait_until(lambda: started.health()["status"] == "ok", what="well again")

    started.process.send_signal(signal.SIGINT)

    assert started.process.wait(DEADLINE_SECONDS) == 0
    assert processes_of(start.directory) == {}


def test_it_prints_a_line_to_paste_and_stops_with_its_terminal(start: Starts) -> None:
    started = start()

    line = started.wait_for("send_test_webhook")

    assert f"EMBEDDED_DIR={start.directory}" in line
    assert f"--url http://127.0.0.1:{started.port}/webhooks/whatsapp/" in line

    started.process.send_signal(signal.SIGHUP)

    assert started.process.wait(DEADLINE_SECONDS) == 0
    assert processes_of(start.directory) == {}


def test_a_port_in_use_is_said_with_the_next_step(start: Starts) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        done = subprocess.run(
            [sys.executable, "manage.py", "start"],
            cwd=settings.BASE_DIR,
            env=environment_of(start.directory) | {"PORT": str(port)},
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert f"Port {port} is in use" in done.stderr
    assert f"make run PORT={port + 1}" in done.stderr
    assert processes_of(start.directory) == {}


@pytest.mark.parametrize("text", ["0", "65536", "-1", "eighty", ""])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is no port"):
        port_number(text)


def test_a_child_that_cannot_run_ends_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.supervisor.RESTART_DELAY_SECONDS", 0)
    said: list[str] = []
    supervisor = Supervisor(
        say=lambda name, line: said.append(f"{name}: {line}"), environment=os.environ
    )
    supervisor.start("web", ["sh", "-c", "echo no such setting; exit 3"])
    supervisor.start("beat", ["sleep", "600"])
    other = supervisor.children[1].process.pid

    went_well = supervisor.run(tend=lambda: None)
    supervisor.stop()

    assert not went_well
    assert said.count("web: no such setting") == 4
    assert "web ended with code 3, 4 times in a minute." in said[-1]
    assert not is_running(other)


def test_a_child_that_ignores_every_signal_is_killed_with_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("config.supervisor.STOP_SECONDS", 0.2)
    monkeypatch.setattr("config.supervisor.QUIT_SECONDS", 0.2)
    said: list[str] = []
    supervisor = Supervisor(
        say=lambda name, line: said.append(line), environment=os.environ
    )
    script = "trap '' TERM QUIT; sleep 600 & echo $!; while :; do wait; done"
    supervisor.start("worker", ["sh", "-c", script])
    wait_until(lambda: said, what="started")
    grandchild = int(said[0])

    supervisor.stop()

    assert "worker did not stop and is killed" in said
    wait_until(lambda: not is_running(grandchild), what="killed")


def is_running(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
