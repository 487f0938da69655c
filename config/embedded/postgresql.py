"""PostgreSQL 18 out of its wheel."""

import contextlib
import os
import shutil
import time
from pathlib import Path
from urllib.parse import quote

from config.embedded.home import EmbeddedError, give_to_server_user, socket_dir
from config.embedded.keeper import POSTGRESQL, end_processes, server_pid, stands_in
from config.embedded.programs import (
    last_line,
    postgresql_programs,
    run_as_server_user,
    start_detached,
)

DATABASE = "dues_desk"
START_SECONDS = 120  # crash recovery after a kill -9 amid a big load takes its time

# fsync and synchronous_commit stay on: what is answered 200 here must be there after a
# power cut, as in production.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",  # a million-row file without a checkpoint every second
    "random_page_cost": "1.1",  # a laptop has an SSD
    "jit": "off",  # compiling costs more than our short queries
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def settings(*, sockets: Path) -> dict[str, str]:
    """Return the server's settings on this machine."""
    megabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    # Room for the indexes of a few million customers: filling a table with four million
    # in 256 MB, PostgreSQL read and wrote 800,000 pages. It takes what it uses.
    buffers = min(max(megabytes // 8, 128), 1024)
    return SETTINGS | {
        "shared_buffers": f"{buffers}MB",
        "unix_socket_directories": str(sockets),
    }


def is_running(base: Path) -> bool:
    """Tell whether the server of this directory runs."""
    return server_pid(base, POSTGRESQL) is not None


def start(base: Path) -> str:
    """Start the server unless it runs; return the URL of its database."""
    data = base / POSTGRESQL.folder
    if not data.exists():
        create_cluster(base)
    pid = server_pid(base, POSTGRESQL) or start_server(base)
    return (
        f"postgresql://postgres@/{DATABASE}?host={quote(wait_until_ready(data, pid))}"
    )


def create_cluster(base: Path) -> None:
    """Make an empty database under another name, and give it its own when whole."""
    programs = postgresql_programs(base)
    unfinished = base / "postgresql.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    give_to_server_user(unfinished)
    run_as_server_user(
        [
            programs / "initdb",
            *("-D", unfinished),
            *("--username=postgres", "--auth=trust", "--encoding=UTF8"),
            # The same order of letters on every machine, whatever its libc.
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
            "--no-instructions",
        ],
        what="Making the embedded database",
    )
    run_as_server_user(
        [
            *(programs / "postgres", "--single", "-D", unfinished),
            *("-c", "exit_on_error=on", "postgres"),
        ],
        text_in=f"CREATE DATABASE {DATABASE}\n",
        what="Making the embedded database",
    )
    unfinished.rename(base / POSTGRESQL.folder)


def start_server(base: Path) -> int:
    """Start the server on what its last life left behind; return its pid."""
    data, sockets = base / POSTGRESQL.folder, socket_dir(base)
    # A killed postmaster's children finish what they are at, and a new one must not
    # start beside them. With the last of them gone, its lock files are surely stale;
    # PostgreSQL itself would take a zombie's or a reused number for a running server.
    end_processes(base, POSTGRESQL, seconds=5)
    for stale in (data / POSTGRESQL.pid_file, sockets / ".s.PGSQL.5432.lock"):
        stale.unlink(missing_ok=True)
    return start_detached(
        [
            postgresql_programs(base) / "postgres",
            *("-D", data),
            *(f"--{name}={value}" for name, value in settings(sockets=sockets).items()),
        ],
        folder=data,
        log=data / "server.log",
    )


def wait_until_ready(data: Path, pid: int) -> str:
    """Return the folder of the server's socket, once it takes connections.

    Both stand in postmaster.pid, in the fifth and the eighth line.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError):
            lines = (data / POSTGRESQL.pid_file).read_text().splitlines()
            if len(lines) > 7 and lines[7].strip() == "ready":
                return lines[4]
        if not stands_in(data, pid=pid):
            break
        time.sleep(0.02)
    raise EmbeddedError(
        f"The embedded PostgreSQL did not start: {last_line(data / 'server.log')} "
        f"(more in {data / 'server.log'})"
    )
