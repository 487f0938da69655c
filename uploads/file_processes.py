"""Customers' files read for a page, by processes of their own. Pure.

How long a file takes, only its content tells, and one that takes long would hold web's
interpreter with it. So a page has `uploads.file_process` read it: for so many seconds
and no more, and few at once, however many pages are asked for.
"""

import contextlib
import json
import logging
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from uploads.encodings import UnreadableFile
from uploads.file_process import NO_SPACE

logger = logging.getLogger(__name__)

# Of the cores of a machine they leave some to web.
AT_ONCE = 2
PLACES = threading.BoundedSemaphore(AT_ONCE)
_WAIT_SECONDS = 3.0
_ROOT = Path(__file__).resolve().parent.parent
_START = "import sys; sys.path[:] = sys.argv[1].split(chr(0x1f)); "
_START += "from uploads.file_process import main; main()"


class NotReadNow(Exception):
    """The file is not read for this page; the message is fit to show."""


class Busy(NotReadNow):
    """Others take all the places; asked again in some seconds, it will be read."""

    def __init__(self) -> None:
        super().__init__(
            "Several files are being read for other pages at this moment: try again in "
            "some seconds."
        )


class TookTooLong(NotReadNow):
    """The file takes more time or memory than a page may have."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"This takes longer than {seconds:g} seconds, or too much memory, and was "
            "stopped: save the file anew, or in smaller files, and send that."
        )


class NoSpace(NotReadNow):
    """The disk for temporary files is full."""

    def __init__(self) -> None:
        super().__init__(
            "The server has no space left on its disk, so this cannot be made now: "
            "tell your administrator, and try again later."
        )


class ReadingFailed(Exception):
    """The process ended in a way that no file should bring about: a defect of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a process may take: the seconds by the clock and of a core."""

    seconds: float
    memory_bytes: int = 512 << 20


def read_apart(
    act: str,
    request: dict[str, Any],
    *,
    file: BinaryIO,
    target: BinaryIO,
    limits: Limits,
    errors: BinaryIO | None = None,
    wait_seconds: float = _WAIT_SECONDS,
) -> None:
    """Have a process do an act of `uploads.file_process` with a file.

    `target`, a real file, holds what it wrote. Raises `UnreadableFile` as the act does,
    and `NotReadNow`.
    """
    if not PLACES.acquire(timeout=wait_seconds):
        raise Busy
    try:
        with spending_space(), TemporaryFile() as asked, TemporaryFile() as copy:
            # Nothing of it stands in a list of processes.
            asked.write(json.dumps({"act": act, **request}).encode())
            asked.seek(0)
            given = [_descriptor(file, copy)]
            if errors is not None:
                given.append(errors.fileno())
            _run(given, asked=asked, target=target, limits=limits)
    except NoSpace:
        logger.warning("No space is left for temporary files")
        raise
    finally:
        PLACES.release()


@contextlib.contextmanager
def spending_space() -> Iterator[None]:
    """Raise `NoSpace` where a file cannot be written because the disk is full."""
    try:
        yield
    except OSError as exc:
        if exc.errno in NO_SPACE:
            raise NoSpace from exc
        raise


def _run(
    given: list[int], *, asked: BinaryIO, target: BinaryIO, limits: Limits
) -> None:
    ours = "\x1f".join(dict.fromkeys([*filter(None, sys.path), str(_ROOT)]))
    bounds = (math.ceil(limits.seconds), limits.memory_bytes, os.getpid())
    try:
        child = subprocess.run(  # noqa: S603  our own program, no input of anybody's
            [sys.executable, "-ISc", _START, ours, *map(str, (*bounds, *given))],
            stdin=asked,
            stdout=target,
            stderr=subprocess.PIPE,
            env={"LC_ALL": "C.UTF-8"},
            cwd="/",
            pass_fds=given,
            timeout=limits.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise TookTooLong(limits.seconds) from exc
    if child.returncode < 0:
        raise TookTooLong(limits.seconds)
    try:
        answer = json.loads(child.stderr)
    except ValueError as exc:
        raise ReadingFailed(f"ended with {child.returncode}") from exc
    if refused := answer.get("refused"):
        raise UnreadableFile(refused)
    if answer.get("no_memory"):
        raise TookTooLong(limits.seconds)
    if answer.get("no_space"):
        raise NoSpace
    if defect := answer.get("defect"):
        raise ReadingFailed(defect)


def _descriptor(file: BinaryIO, copy: BinaryIO) -> int:
    """Return a descriptor of the file, or of a copy where it is not one of a disk."""
    try:
        return file.fileno()
    except (AttributeError, OSError):
        file.seek(0)
        copyfileobj(file, copy)
        copy.flush()
        return copy.fileno()
