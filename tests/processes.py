"""What the tests with real processes share."""

import contextlib
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from config.embedded.home import private_folders

DEADLINE_SECONDS = 60  # a busy machine is slow, not broken


def wait_until(
    happened: Callable[[], object], *, what: str, seconds: float = DEADLINE_SECONDS
) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"never {what}"
        time.sleep(0.02)


def processes_of(directory: Path) -> dict[int, str]:
    """Return the command lines of all processes of an embedded directory.

    It is in the environment of each, but Redis writes its title over that; it is known
    by the folder it stands in.
    """
    mark = b"EMBEDDED_DIR=" + os.fsencode(directory)
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            environment = Path(f"/proc/{name}/environ").read_bytes().split(b"\0")
            folder = Path(os.readlink(f"/proc/{name}/cwd"))
            if mark in environment or folder.is_relative_to(directory):
                command = Path(f"/proc/{name}/cmdline").read_bytes()
                found[int(name)] = command.replace(b"\0", b" ").decode()
    return found


def wait_until_nobody_is_left(directory: Path) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while left := processes_of(directory):
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.05)


@contextlib.contextmanager
def embedded_directory(name: str = "embedded") -> Iterator[Path]:
    """Make a directory for embedded servers; at the end nothing of it is left.

    Not below pytest's own, which is closed to PostgreSQL's user when root runs tests.
    """
    parent = Path(tempfile.mkdtemp(prefix="dues-desk-test-"))
    parent.chmod(0o711)
    directory = parent / name
    try:
        yield directory
    finally:
        for pid in processes_of(directory):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until_nobody_is_left(directory)
        for folder in (parent, *private_folders(directory)):
            shutil.rmtree(folder)


def environment_of(directory: Path) -> dict[str, str]:
    """Return an environment in which settings start servers of their own."""
    ours = {"DATABASE_URL", "REDIS_URL"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return kept | {"EMBEDDED_DIR": str(directory)}


def environment_on_the_tests_database() -> dict[str, str]:
    """Return an environment in which a process sees what a test sees."""
    database = connection.settings_dict
    return os.environ | {
        "DATABASE_URL": f"postgresql://{quote(database['USER'])}@/{database['NAME']}"
        f"?host={quote(str(database['HOST']))}",
        "MEDIA_ROOT": str(settings.MEDIA_ROOT),
        "SECRET_KEY": settings.SECRET_KEY,
        "FIELD_ENCRYPTION_KEYS": ",".join(settings.FIELD_ENCRYPTION_KEYS),
        "NATIONAL_ID_KEY": settings.NATIONAL_ID_KEY,
        "WHATSAPP_APP_SECRET": ",".join(settings.WHATSAPP_APP_SECRET),
        "WHATSAPP_VERIFY_TOKEN": settings.WHATSAPP_VERIFY_TOKEN,
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
