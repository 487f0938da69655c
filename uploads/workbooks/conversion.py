"""A workbook's sheet written as text, by a process of its own. Pure.

What comes of it is read like any CSV file: a line for each row of the sheet, under the
row's own number.
"""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import BinaryIO

from uploads.encodings import UnreadableFile
from uploads.workbooks.archive import TOO_LARGE

_MAGIC = b"PK\x03\x04"
# It reads at a few MB/s of packed file; what is larger would not end in time.
_MOST_PACKED = 100 << 20
# Of a machine that is busy with other things; by itself the child takes a tenth of it.
_PATIENCE_SECONDS = 60
# The standard library is all it needs, and nothing of the environment.
_START = "import sys; sys.path.append(sys.argv[1]); "
_START += "from uploads.workbooks.child import main; main()"
_ROOT = Path(__file__).resolve().parent.parent.parent
_OUT_OF_BOUNDS = (-signal.SIGXCPU, -signal.SIGKILL, -signal.SIGABRT, -signal.SIGSEGV)


class ConversionFailed(Exception):
    """The child ended in a way that no file should bring about: a defect of ours."""


@dataclass(frozen=True, slots=True)
class ReadSheet:
    """Which sheet was read, and sentences about what of the workbook nobody sees."""

    name: str
    others: str
    hidden: str = ""  # columns

    @property
    def notice(self) -> str:
        read = f"The sheet \u201c{self.name}\u201d was read."
        return " ".join(filter(None, [read, self.others, self.hidden]))


def is_workbook(file: BinaryIO) -> bool:
    """Tell by the first bytes whether this is a zip archive, as workbooks are."""
    file.seek(0)
    return file.read(len(_MAGIC)) == _MAGIC


def write_rows(source: BinaryIO, target: BinaryIO) -> ReadSheet:
    """Write the rows of a workbook's first visible sheet with any to a real file.

    Raises `UnreadableFile` for what is no workbook, or too much of one.
    """
    with TemporaryFile() as packed:
        source.seek(0)
        copyfileobj(source, packed)
        if packed.tell() > _MOST_PACKED:
            raise UnreadableFile(TOO_LARGE)
        packed.seek(0)
        try:
            child = subprocess.run(  # noqa: S603  our own program, no input of anybody's
                [sys.executable, "-ISc", _START, str(_ROOT), str(os.getpid())],
                stdin=packed,
                stdout=target,
                stderr=subprocess.PIPE,
                env={"LC_ALL": "C.UTF-8"},
                cwd="/",
                timeout=_PATIENCE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as exc:
            raise UnreadableFile(TOO_LARGE) from exc
    if child.returncode in _OUT_OF_BOUNDS:
        raise UnreadableFile(TOO_LARGE)
    try:
        answer = json.loads(child.stderr)
    except ValueError as exc:
        raise ConversionFailed(f"ended with {child.returncode}") from exc
    if refused := answer.get("refused"):
        raise UnreadableFile(refused)
    if "sheet" not in answer:
        raise ConversionFailed(answer.get("defect", "no answer"))
    return ReadSheet(answer["sheet"], answer["others"], answer["hidden"])
