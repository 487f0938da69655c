"""The product's web server and worker, as `make run` starts them."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from config.management.commands.start import (
    HOST,
    is_healthy,
    web_command,
    worker_command,
)

_START_SECONDS = 60


@contextmanager
def running_product(logs: Path) -> Iterator[int]:
    """Run web and the worker of messages; yield the port."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    command = [
        # The product's application, with the other ways beside its webhook.
        word.replace("config.asgi:", "benchmarks.asgi:")
        for word in web_command(port)
    ]
    with _running(command, logs / "web.log"):
        _wait_until_healthy(port)
        with _running(worker_command("messages"), logs / "worker.log"):
            yield port


@contextmanager
def running_worker(log: Path, *, processes: int) -> Iterator[int]:
    """Run a worker of files with so many processes; yield its own."""
    command = worker_command("files")
    command[command.index("--concurrency") + 1] = str(processes)
    with _running(command, log) as pid:
        yield pid


@contextmanager
def _running(command: Sequence[str], log: Path) -> Iterator[int]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _wait_until_healthy(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not is_healthy(port):
        if time.monotonic() > deadline:
            raise TimeoutError("The web server did not start.")
        time.sleep(0.1)
