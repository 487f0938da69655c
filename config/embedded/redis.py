"""Redis 6.2 out of its wheel."""

import contextlib
import random
import secrets
import socket
import time
from pathlib import Path

from config.embedded.home import EmbeddedError, give_to_server_user
from config.embedded.keeper import REDIS, server_pid, stands_in
from config.embedded.programs import last_line, redis_program, start_detached
from config.embedded.state import RedisAddress

# Below the ports that the kernel gives to outgoing connections, so that a restart
# finds its old one free.
PORTS = range(20_000, 32_000)
START_SECONDS = 60  # a long append-only file is read first

CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
pidfile redis.pid
# As in production: what was queued is still there after a restart.
appendonly yes
appendfsync everysec
save ""
"""


def is_running(base: Path) -> bool:
    """Tell whether the server of this directory runs."""
    return server_pid(base, REDIS) is not None


def url(address: RedisAddress) -> str:
    """Return the address as clients take it, with the password."""
    return f"redis://:{address['password']}@127.0.0.1:{address['port']}/0"


def start(base: Path, known: RedisAddress | None) -> RedisAddress:
    """Start the server unless it runs; return its address, the known one if it can be.

    The port may have been taken meanwhile; then it is another one.
    """
    folder = base / REDIS.folder
    if not folder.exists():
        folder.mkdir(mode=0o700)
        give_to_server_user(folder)
    pid = server_pid(base, REDIS)
    if pid and known and wait_until_ready(folder, pid, known):
        return known
    password = known["password"] if known else secrets.token_hex(16)
    ports = random.sample(PORTS, 10)
    if known:
        ports.insert(0, known["port"])
    for port in ports:
        if is_free(port):
            address = RedisAddress(port=port, password=password)
            if wait_until_ready(folder, start_server(base, address), address):
                return address
    raise EmbeddedError(
        f"The embedded Redis did not start: {last_line(folder / 'server.log')} "
        f"(more in {folder / 'server.log'})"
    )


def start_server(base: Path, address: RedisAddress) -> int:
    """Start the server at an address, which may turn out taken; return its pid."""
    folder = base / REDIS.folder
    configuration = folder / "redis.conf"
    configuration.unlink(missing_ok=True)
    configuration.touch(mode=0o600)
    configuration.write_text(CONFIGURATION.format_map(address))
    give_to_server_user(configuration)
    # Names within its folder only: Redis would have the whole path quoted.
    return start_detached(
        [redis_program(base), "redis.conf"], folder=folder, log=folder / "server.log"
    )


def is_free(port: int) -> bool:
    """Tell whether a port of this machine can be listened on at this moment."""
    with socket.socket() as probe:
        # Connections of an earlier server that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_until_ready(folder: Path, pid: int, address: RedisAddress) -> bool:
    """Wait until the server answers at the address; False when it died instead."""
    deadline = time.monotonic() + START_SECONDS
    while stands_in(folder, pid=pid) and time.monotonic() < deadline:
        if answers(address):
            return True
        time.sleep(0.01)
    return False


def answers(address: RedisAddress) -> bool:
    """Ask the server for a sign of life, in the few bytes that this takes."""
    with contextlib.suppress(OSError):
        server = ("127.0.0.1", address["port"])
        with socket.create_connection(server, timeout=1) as connection:
            connection.sendall(b"AUTH %b\r\nPING\r\n" % address["password"].encode())
            return connection.makefile("rb").read(12) == b"+OK\r\n+PONG\r\n"
    return False
