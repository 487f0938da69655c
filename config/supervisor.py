"""Programs under one parent: their lines with a name before each, restarts, one end.

Each child leads a process group of its own, so that Ctrl-C in the terminal reaches only
the parent, and whatever a child leaves behind can be ended as a group.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from config import orphans

POLL_SECONDS = 0.1
RESTART_DELAY_SECONDS = 1
DEATHS_ALLOWED = 3
DEATHS_COUNTED_SECONDS = 60
# Enough for a request or a part of a file to be finished. After that the soft end is
# tried again with SIGQUIT, then the group is killed: nothing is lost by it, what is
# claimed in the database is claimed again.
STOP_SECONDS = 8
QUIT_SECONDS = 3
PRINT_SECONDS = 1  # a process that left its group may still hold the pipe

Say = Callable[[str, str], None]


@dataclass(slots=True, kw_only=True)
class Child:
    """A program, its process of the moment, and when earlier ones died."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes]
    died_at: list[float] = field(default_factory=list)


class Supervisor:
    """Keeps children running until it is told to stop, or one of them cannot run.

    `say` is given the child's name and a line, from several threads.
    """

    def __init__(self, *, say: Say, environment: Mapping[str, str]) -> None:
        self.say = say
        self.environment = {**environment, "PYTHONUNBUFFERED": "1"}
        self.children: list[Child] = []
        self.printers: list[threading.Thread] = []
        self.stops_asked = 0
        reading_end, self.to_guard = os.pipe()
        self.guard = subprocess.Popen(
            [sys.executable, "-I", orphans.__file__],
            stdin=reading_end,
            start_new_session=True,
        )
        os.close(reading_end)

    def start(self, name: str, command: Sequence[str]) -> None:
        process = self._spawn(name, command)
        self.children.append(Child(name=name, command=command, process=process))
        self._tell_guard()

    def ask_to_stop(self) -> None:
        """Ask from a signal handler; the second time, the end is not soft any more."""
        self.stops_asked += 1

    def run(self, *, tend: Callable[[], None]) -> bool:
        """Watch over the children until the end; call `tend` a few times a second.

        False when a child died too often to go on.
        """
        while not self.stops_asked:
            for child in self.children:
                if child.process.poll() is not None and not self._revive(child):
                    return False
            tend()
            time.sleep(POLL_SECONDS)
        return True

    def stop(self) -> None:
        """End every child and all that they started."""
        asked_before = self.stops_asked
        for signal_number, seconds in (
            (signal.SIGTERM, STOP_SECONDS),
            (signal.SIGQUIT, QUIT_SECONDS),
        ):
            running = [c for c in self.children if c.process.poll() is None]
            for child in running:
                child.process.send_signal(signal_number)
            deadline = time.monotonic() + seconds
            while any(child.process.poll() is None for child in running):
                if time.monotonic() > deadline or self.stops_asked > asked_before:
                    break
                time.sleep(0.02)
        for child in self.children:
            if child.process.poll() is None:
                self.say("start", f"{child.name} did not stop and is killed")
            self._kill_group(child.process)
        for printer in self.printers:
            printer.join(PRINT_SECONDS)
        self.children.clear()
        self._tell_guard()
        os.close(self.to_guard)
        self.guard.wait()

    def _spawn(self, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            umask=0o077,  # beat's schedule, and whatever else they write, is theirs
            start_new_session=True,
        )
        printer = threading.Thread(
            target=self._pass_on, args=(name, process.stdout), daemon=True
        )
        printer.start()
        self.printers.append(printer)
        return process

    def _pass_on(self, name: str, output: IO[bytes]) -> None:
        with output:
            for line in output:
                if text := line.decode(errors="replace").rstrip():
                    self.say(name, text)

    def _revive(self, child: Child) -> bool:
        code = child.process.returncode
        now = time.monotonic()
        child.died_at = [
            then for then in child.died_at if now - then < DEATHS_COUNTED_SECONDS
        ]
        child.died_at.append(now)
        self._kill_group(child.process)
        if len(child.died_at) > DEATHS_ALLOWED:
            self.say(
                "start",
                f"{child.name} ended with code {code}, {len(child.died_at)} times in a "
                "minute. Its last lines above say why; giving up.",
            )
            return False
        self.say("start", f"{child.name} ended with code {code}, starting it again")
        time.sleep(RESTART_DELAY_SECONDS)
        child.process = self._spawn(child.name, child.command)
        self._tell_guard()
        return True

    def _tell_guard(self) -> None:
        """Say which groups to end if we are killed (orphans.py)."""
        groups = " ".join(str(child.process.pid) for child in self.children)
        with contextlib.suppress(BrokenPipeError):  # somebody killed the guard
            os.write(self.to_guard, f"{groups}\n".encode())

    def _kill_group(self, process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
