"""The whole product as processes of its own, which nobody heals but the test."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings

from config.embedded import keeper, postgresql
from config.management.commands.start import (
    WORKERS,
    beat_command,
    is_healthy,
    web_command,
    worker_command,
)
from tests.processes import (
    embedded_directory,
    environment_of,
    free_port,
    wait_until,
)

Faults = Sequence[str]

SECRET = "a secret of ours"
# How long a server stays away, at most: a restart takes about that.
_AWAY_SECONDS = 1.0

_SCRIPT = "import sys, django; django.setup(); "


class System:
    """Beat runs all the time; the others are killed, with all they started."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.environment = environment_of(directory) | {
            "WHATSAPP_APP_SECRET": SECRET,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONWARNINGS": "ignore",
        }
        self.commands = {
            "beat": beat_command_of(directory, self.port),
            **{name: worker_command(name) for name in WORKERS},
            "web": web_command(self.port),
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.run("manage.py", "migrate", "--verbosity=0")

    def run(self, *words: str) -> str:
        """Run Python to its end, and return what it printed."""
        done = subprocess.run(
            [sys.executable, *words],
            cwd=settings.BASE_DIR,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        return done.stdout.decode().strip()

    def script(self, code: str, *words: str) -> str:
        return self.run("-c", _SCRIPT + code, *words)

    def start(self, *names: str) -> None:
        for name in names:
            with (self.directory / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    self.commands[name],
                    cwd=settings.BASE_DIR,
                    env=self.environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        if "web" in names:
            wait_until(lambda: is_healthy(self.port), what="healthy")

    def kill(self, name: str) -> None:
        """Kill a program and all its processes at one moment."""
        process = self.processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def kill_server(self, server: keeper.Server, number: signal.Signals) -> None:
        pid = keeper.server_pid(self.directory, server)
        assert pid, f"{server.program} did not run"
        os.kill(pid, number)
        wait_until(
            lambda: keeper.server_pid(self.directory, server) is None,
            what=f"killed {server.program}",
        )

    def heal(self) -> None:
        """Start the servers that do not run."""
        self.run("-c", "import config.settings")

    def disturb(self, what: str, dice: random.Random) -> None:
        """Kill one thing, let it be away for a moment, and start it again."""
        if what == "redis":
            self.kill_server(keeper.REDIS, signal.SIGKILL)
        elif what == "postgresql":
            # SIGQUIT is PostgreSQL's own word for "immediately".
            number = dice.choice([signal.SIGKILL, signal.SIGQUIT])
            self.kill_server(keeper.POSTGRESQL, number)
        else:
            self.kill(what)
        time.sleep(dice.uniform(0, _AWAY_SECONDS))
        if what in ("redis", "postgresql"):
            self.heal()
        else:
            self.start(what)

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Ask the database, for as long as it takes to come back."""
        answer: list[tuple[Any, ...]] = []

        def answered() -> bool:
            with (
                contextlib.suppress(psycopg.OperationalError),
                psycopg.connect(self.address(), autocommit=True) as database,
            ):
                answer[:] = database.execute(sql, parameters).fetchall()
                return True
            return False

        wait_until(answered, what="answered by the database")
        return answer

    def address(self) -> str:
        with keeper.gate(self.directory):
            return postgresql.start(self.directory)

    def stop(self) -> None:
        for name in list(self.processes):
            self.kill(name)


def beat_command_of(directory: Path, port: int) -> list[str]:
    """Beat's command, with the schedule in this directory and not in the tests' own."""
    return [*beat_command(port)[:-1], str(directory / "beat")]


@contextlib.contextmanager
def running(*names: str) -> Iterator[System]:
    with embedded_directory() as directory:
        system = System(directory)
        try:
            system.start("beat", *names)
            yield system
        finally:
            system.stop()


def shuffled(dice: random.Random, **counts: int) -> Faults:
    """Return what is to be killed, each as often as said, in a seeded order."""
    faults = [what for what, count in counts.items() for _ in range(count)]
    dice.shuffle(faults)
    return faults


def wait_a_while_for(happened: Callable[[], object], *, seconds: float) -> bool:
    """Tell whether it happened in time; not to happen is no failure."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
