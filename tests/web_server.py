"""A real web server for tests, and clients that do not behave."""

import contextlib
import hashlib
import hmac
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
from django.conf import settings

from config.embedded import keeper, postgresql
from config.management.commands.start import HOST, is_healthy, web_command
from tests.processes import (
    environment_of,
    free_port,
    processes_of,
    wait_until,
)

SECRET = "a secret of ours"


class Web:
    """A web server with embedded servers of its own, which nobody heals."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.environment = environment_of(directory) | {"WHATSAPP_APP_SECRET": SECRET}
        self.process = subprocess.Popen(
            web_command(self.port),
            cwd=settings.BASE_DIR,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.manage("migrate", "--verbosity=0")
        wait_until(lambda: is_healthy(self.port), what="healthy")

    def manage(self, *words: str) -> None:
        """Run a command; it starts what does not run of the embedded servers."""
        subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=settings.BASE_DIR,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    def stop_database(self) -> None:
        pid = keeper.server_pid(self.directory, keeper.POSTGRESQL)
        assert pid
        os.kill(pid, signal.SIGINT)
        wait_until(
            lambda: not keeper.server_pid(self.directory, keeper.POSTGRESQL),
            what="stopped",
        )

    def database(self) -> psycopg.Connection:
        return psycopg.connect(postgresql.start(self.directory))

    def processes(self) -> set[int]:
        return {
            pid
            for pid, command in processes_of(self.directory).items()
            if "granian" in command
        }

    def bodies(self) -> list[bytes]:
        with self.database() as database:
            rows = database.execute("SELECT body FROM webhook_events").fetchall()
        return [body for (body,) in rows]

    def post(self, body: bytes) -> int:
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        client = http.client.HTTPConnection(HOST, self.port, timeout=30)
        began_at = time.monotonic()
        client.request(
            "POST",
            "/webhooks/whatsapp/",
            body=body,
            headers={"X-Hub-Signature-256": f"sha256={digest}"},
        )
        with contextlib.closing(client), client.getresponse() as response:
            # Not of speed: this is when Meta stops to listen.
            assert time.monotonic() - began_at < 5
            return response.status

    def raw(self, request: bytes, *, half_closed: bool = False) -> bytes:
        """Send bytes, and return all that comes back."""
        with socket.create_connection((HOST, self.port), timeout=30) as connection:
            connection.sendall(request)
            if half_closed:
                connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def post_at_once(self, bodies: list[bytes]) -> list[int]:
        with ThreadPoolExecutor(len(bodies)) as threads:
            return list(threads.map(self.post, bodies))


class SlowClients:
    """Connections that send a request's beginning, then a byte now and then.

    One that the server ends is opened again.
    """

    BEGINNINGS = (
        b"POST /webhooks/whatsapp/ HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Length: 3000000\r\n\r\n",
        b"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
        b"application/x-www-form-urlencoded\r\nContent-Length: 2000\r\n\r\n",
        b"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
        b"multipart/form-data; boundary=edge\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /api/v1/contacts/ HTTP/1.1\r\nHost: localhost\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n",
        b"GET /admin/ HTTP/1.1\r\nHost: local",
    )

    def __init__(self, port: int, *, count: int) -> None:
        self.port = port
        self.ended_count = 0
        self.connections = [self._open(number) for number in range(count)]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._dribble)

    def __enter__(self) -> "SlowClients":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for connection in self.connections:
            connection.close()

    def _open(self, number: int) -> socket.socket:
        connection = socket.create_connection((HOST, self.port))
        connection.sendall(self.BEGINNINGS[number % len(self.BEGINNINGS)])
        connection.setblocking(False)
        return connection

    def _dribble(self) -> None:
        while not self._stop.wait(1):
            for number, connection in enumerate(self.connections):
                beginning = self.BEGINNINGS[number % len(self.BEGINNINGS)]
                piece = b"1\r\na\r\n" if b"chunked" in beginning else b"a"
                try:
                    connection.send(piece)
                except OSError:
                    self.ended_count += 1
                    connection.close()
                    self.connections[number] = self._open(number)


class EndlessBody:
    """A body without end, as fast as the server takes it, from nobody in particular."""

    def __init__(self, port: int, path: str) -> None:
        self.sent_bytes = 0
        with socket.create_connection((HOST, port), timeout=30) as connection:
            connection.sendall(
                f"POST {path} HTTP/1.1\r\nHost: localhost\r\n"
                "Transfer-Encoding: chunked\r\n\r\n".encode()
            )
            piece = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
            with contextlib.suppress(OSError):
                while self.sent_bytes < 1 << 30:
                    connection.sendall(piece)
                    self.sent_bytes += 0x10000
