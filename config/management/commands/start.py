"""`manage.py start`: the whole product on one machine, in one terminal."""

import http.client
import os
import shlex
import signal
import socket
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser, ArgumentTypeError
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections
from django.urls import reverse

from config import embedded
from config.first_login import (
    NAME,
    PASSWORD,
    first_login_opens,
    make_first_login,
)
from config.supervisor import Supervisor

HOST = "127.0.0.1"
# Two interpreters use two cores; more would only share them with worker and database.
WEB_PROCESSES = 2
# Open ones in each process, also those that are slow or idle; more wait to be accepted.
WEB_CONNECTIONS = 4096
FILE_PROCESSES = max(2, min(4, os.cpu_count() or 2))
# The queues of each worker, and its processes. One that is held up, by a lock say, must
# leave another for messages. What is done in the background can take turns.
WORKERS = {
    "messages": (["messages"], 2),
    "files": (["files", "celery"], FILE_PROCESSES),
    "background": (["background"], 1),
}
# Between the starts of two workers, each of which takes a core for so long: at once,
# all of them would be ready when the last is.
APART_SECONDS = 1.5
CELERY = [
    # Root is this machine's choice, and nobody else's tasks are in our queue.
    *(sys.executable, "-W", "ignore:You're running the worker with superuser"),
    *("-m", "celery", "--quiet", "--skip-checks", "-A", "config"),
]
COLOURS = {
    "start": 35,
    "web": 32,
    "messages": 33,
    "files": 34,
    "background": 90,
    "beat": 36,
}


def port_number(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ArgumentTypeError(f"{text} is no port: give a number from 1 to 65535")
    return int(text)


class Command(BaseCommand):
    help = "Run web, workers and beat, with their servers if none are configured."

    requires_system_checks = ()  # they are `make check`'s, and load every page

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=port_number, default=settings.PORT)
        parser.add_argument(
            "--no-demo", action="store_true", help="leave the database as it is"
        )

    def handle(self, *, port: int, no_demo: bool, **options: Any) -> None:
        self.began_at = time.monotonic()
        self.port = port
        self.printing = threading.Lock()
        self.is_ready = False
        self.to_start = [*WORKERS, "beat"]
        check_port(port)
        try:
            with_signals_as(interrupt)
            self.prepare(demo=not no_demo)
        except KeyboardInterrupt:
            sys.exit("Stopped.")
        self.supervisor = Supervisor(say=self.say, environment=os.environ)
        with_signals_as(lambda *_: self.supervisor.ask_to_stop())
        try:
            self.supervisor.start("web", web_command(port))
            went_well = self.supervisor.run(tend=self.tend)
        finally:
            self.supervisor.stop()
        if not went_well:
            sys.exit(1)
        self.say("start", "stopped")

    def prepare(self, *, demo: bool) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        if demo and settings.EMBEDDED:
            call_command("demo", stdout=self.stdout)
        if settings.EMBEDDED:
            make_first_login()

    def tend(self) -> None:
        for server in embedded.heal():
            self.say("start", f"{server} had died and runs again")
        if not self.is_ready and is_healthy(self.port):
            self.is_ready = True
            # Only now: the page somebody waits for has had both cores to itself.
            self.next_start_at = time.monotonic()
            self.announce()
        elif self.is_ready and self.to_start and time.monotonic() > self.next_start_at:
            name = self.to_start.pop(0)
            self.supervisor.start(name, self.command_of(name))
            self.next_start_at = time.monotonic() + APART_SECONDS

    def command_of(self, name: str) -> list[str]:
        return beat_command(self.port) if name == "beat" else worker_command(name)

    def announce(self) -> None:
        url = f"http://{HOST}:{self.port}"
        seconds = time.monotonic() - self.began_at
        close_old_connections()  # PostgreSQL may have died and been healed since
        shown = settings.EMBEDDED and first_login_opens()
        login = f" (user {NAME}, password {PASSWORD})" if shown else ""
        self.say("start", f"ready after {seconds:.1f} s: {url}/admin/{login}")
        self.say("start", "send it a WhatsApp message from another terminal, here:")
        self.say("", f"\n    {sample_line(url)}\n")
        self.say("start", "Ctrl-C stops everything")

    def say(self, name: str, line: str) -> None:
        """Print a line with the name of whose it is; from any thread."""
        tag = f"{name:<10} | " if name else ""
        if tag and self.stdout.isatty():
            tag = f"\x1b[{COLOURS[name]}m{tag}\x1b[0m"
        try:
            with self.printing:
                self.stdout.write(tag + line)
                self.stdout.flush()
        except OSError:
            pass  # the terminal is gone; what runs must still be stopped in order


def check_port(port: int) -> None:
    with socket.socket() as probe:
        # Connections of an earlier server that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError as exc:
            raise CommandError(
                f"Port {port} is reserved for root. Choose one above 1023, for example "
                "`make run PORT=8000`."
            ) from exc
        except OSError as exc:
            raise CommandError(
                f"Port {port} is in use: by another program, or by this one in another "
                f"terminal. Stop it, or choose another: `make run PORT={port + 1}`."
            ) from exc


def with_signals_as(handler: Any) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def web_command(port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "granian", "config.asgi:application"),
        *("--interface", "asginl", "--http", "1", "--no-ws"),
        *("--host", HOST, "--port", str(port)),
        *("--workers", str(WEB_PROCESSES)),
        *("--backlog", "1024", "--backpressure", str(WEB_CONNECTIONS)),
        # Headers of 64 KB; by default each connection may fill 400 KB with them.
        *("--http1-buffer-size", str(64 * 1024)),
        *("--respawn-failed-workers", "--workers-kill-timeout", "5"),
        *("--log-level", "error"),
    ]


def worker_command(name: str) -> list[str]:
    queues, processes = WORKERS[name]
    return [
        *(*CELERY, "worker", "--loglevel", "INFO"),
        *("--hostname", f"{name}@%h", "--queues", ",".join(queues)),
        *("--concurrency", str(processes)),
        # Chatter between workers, none of which has anything to tell another.
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]


def beat_command(port: int) -> list[str]:
    """Return beat's command: a process of its own.

    A worker's `-B` would outlive the worker's kill -9.
    """
    if settings.EMBEDDED:
        schedule = embedded.base_dir() / "beat"
    else:
        name = f"dues-desk-beat-{os.getuid()}-{port}"
        schedule = Path(tempfile.gettempdir()) / name
    return [
        *(*CELERY, "beat", "--loglevel", "WARNING"),
        *("--pidfile", "", "--schedule", str(schedule)),
    ]


def is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def sample_line(url: str) -> str:
    """Return a command that works when pasted in the project's folder."""
    python = Path(sys.executable)
    if python.is_relative_to(settings.BASE_DIR):
        python = python.relative_to(settings.BASE_DIR)
    words = [str(python), "manage.py", "send_test_webhook", "919876543210"]
    line = shlex.join([*words, "--url", url + reverse("whatsapp-webhook")])
    if directory := os.environ.get("EMBEDDED_DIR"):
        return f"EMBEDDED_DIR={shlex.quote(directory)} {line}"
    return line
