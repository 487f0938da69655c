"""Work on while Redis is dead: the tables are the queue, whoever reads them.

Without a broker no worker hears of anything, and a message or a file would wait for as
long as Redis is gone. Beat has nobody to call then, so it does the work of its sweeps
itself, in a thread of its own; once Redis is back, the workers take over again. The
same thread says that beat lives.

Customer files are worked at by a process of their own: one that holds its interpreter
must stop neither beat nor the messages.
"""

import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from celery import Celery
from django.conf import settings
from django.db import Error, close_old_connections
from django.utils import timezone

from config.health import ask_redis
from config.marks import mark_alive
from config.models import ProcessMark

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 10


def watch_the_broker(sender: Any, **_: Any) -> None:
    """Watch from beat: it is one process that never forks."""
    threading.Thread(
        target=work_through_outages,
        args=(sender.app, threading.Event()),
        name="outage",
        daemon=True,
    ).start()


def work_through_outages(app: Celery, stop: threading.Event) -> None:
    """Look now and then whether Redis answers, and sweep here while it does not."""
    mark_beat()
    files = OutsideProcess("process_uploads")
    while not stop.wait(LOOK_EVERY_SECONDS):
        mark_beat()
        if not ask_redis():
            logger.warning("Redis does not answer: beat does the workers' work")
            sweep_here(app, {"uploads.tasks.sweep": files.start})


def mark_beat() -> None:
    """Say that beat lives; a database that is away is logged and survived."""
    try:
        mark_alive(
            kind=ProcessMark.Kind.BEAT, name=socket.gethostname(), now=timezone.now()
        )
    except Error as exc:
        logger.warning("Beat could not leave its mark: %s", type(exc).__name__)
    finally:
        close_old_connections()


class OutsideProcess:
    """A command of `manage.py` that runs beside this process, once at a time."""

    def __init__(self, command: str) -> None:
        self._command = [sys.executable, str(settings.BASE_DIR / "manage.py"), command]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run the command, unless it runs still."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(self._command)  # noqa: S603  our own


def sweep_here(app: Celery, outside: Mapping[str, Callable[[], object]]) -> None:
    """Run every sweep of beat's schedule: in this thread, or as `outside` says."""
    app.loader.import_default_modules()
    for entry in app.conf.beat_schedule.values():
        try:
            run: Callable[[], object] = app.tasks[entry["task"]]
            outside.get(entry["task"], run)()
        except Exception:
            # The next look tries again, and the other sweeps must not wait for it.
            logger.exception("%s failed", entry["task"])
    close_old_connections()
