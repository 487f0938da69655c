"""Which embedded servers run, and the process that stops them when nobody is left.

Every user of the servers holds a shared lock on `users.lock`, which the kernel drops
however the user dies. The keeper waits for the exclusive one. An ordinary exit has
stopped the servers by then (`embedded.release`); after a SIGTERM or a kill -9, where no
exit handler ran, the keeper does it.

Run by its path, so that it starts without Django and stays small: standard library
only, no imports of ours.
"""

import contextlib
import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

STOP_SECONDS = 30


class Server(NamedTuple):
    """How to find a server below the embedded directory, and what stops it softly."""

    folder: str
    pid_file: str
    program: str
    stop_signal: signal.Signals


POSTGRESQL = Server("postgresql", "postmaster.pid", "postgres", signal.SIGINT)
REDIS = Server("redis", "redis.pid", "redis-server", signal.SIGTERM)


def stands_in(folder: Path, *, pid: int, program: str = "") -> bool:
    """Tell whether the process lives in this folder and runs this program, if named.

    False for zombies: they have neither a folder nor a program any more.
    """
    try:
        if not os.path.samestat(os.stat(f"/proc/{pid}/cwd"), folder.stat()):
            return False
        return not program or Path(os.readlink(f"/proc/{pid}/exe")).name == program
    except OSError:
        return False


def server_pid(base: Path, server: Server) -> int | None:
    """Return the process id of the running server, or None.

    The pid file alone proves nothing. Its process may be gone, a zombie that a
    container's PID 1 never reaps, another program under a reused number or, in a copied
    checkout, the server of the original.
    """
    folder = base / server.folder
    try:
        pid = int((folder / server.pid_file).read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None
    return pid if stands_in(folder, pid=pid, program=server.program) else None


def processes_of(base: Path, server: Server) -> list[int]:
    """Return every process of the server, also those that a dead parent left behind."""
    folder = base / server.folder
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [pid for pid in pids if stands_in(folder, pid=pid, program=server.program)]


def end_processes(base: Path, server: Server, *, seconds: float) -> None:
    """Wait until no process of the server is left; kill what stays longer."""
    deadline = time.monotonic() + seconds
    while pids := processes_of(base, server):
        if time.monotonic() > deadline:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def stop_servers(base: Path) -> None:
    """Stop what runs; the caller holds the gate and knows that nobody uses it."""
    for server in (POSTGRESQL, REDIS):
        pid = server_pid(base, server)
        # One that was starting when its user was killed has no pid file yet.
        for running in [pid] if pid else processes_of(base, server):
            with contextlib.suppress(ProcessLookupError):
                os.kill(running, server.stop_signal)
    for server in (POSTGRESQL, REDIS):
        end_processes(base, server, seconds=STOP_SECONDS)


def open_lock(path: Path) -> int:
    """Open a file to be locked, made if need be; no child inherits it."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextlib.contextmanager
def gate(base: Path) -> Iterator[None]:
    """Let one process at a time start or stop servers."""
    lock = open_lock(base / "gate.lock")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def is_alone(users: int) -> bool:
    """Turn a lock on `users.lock` into the exclusive one, if nobody else has any."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def keep(base: Path, *, own_lock: int) -> None:
    """Wait until nobody uses the servers any more, and stop them."""
    users = open_lock(base / "users.lock")
    while True:
        fcntl.flock(users, fcntl.LOCK_EX)
        # Whoever comes in holds the gate while it asks for its lock, so waiting for
        # the gate with the lock in hand would be a deadlock.
        fcntl.flock(users, fcntl.LOCK_UN)
        if not (base / "users.lock").exists():
            return  # the directory was deleted under us; another may stand there soon
        with gate(base):
            if is_alone(users):
                stop_servers(base)
                os.close(own_lock)  # inside the gate: the next user starts a new keeper
                return


if __name__ == "__main__":
    keep(Path(sys.argv[1]), own_lock=int(sys.argv[2]))
