"""The process that reads a customer's file for a page, apart from web.

It is asked on standard input, is handed the file as a descriptor, writes to standard
output and answers on standard error, in JSON. Whatever the file makes of it, it ends
in time: the kernel sees to that.
"""

import csv
import ctypes
import errno
import io
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from uploads.encodings import Encoding, UnreadableFile, byte_order_mark
from uploads.layout import Layout, find_layout

_PR_SET_PDEATHSIG = 1
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)

Act = Callable[[dict[str, Any], list[BinaryIO]], dict[str, Any]]


def main() -> None:
    """Set the limits, then do what is asked."""
    seconds, memory, parent, *given = map(int, sys.argv[2:])
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return  # web was gone before it could be followed
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    try:
        asked = json.load(sys.stdin.buffer)
        files: list[BinaryIO] = [os.fdopen(number, "rb") for number in given]
        answer = ACTS[asked["act"]](asked, files)
        sys.stdout.flush()
    except UnreadableFile as unreadable:
        answer = {"refused": str(unreadable)}
    except (MemoryError, ImportError):  # a library that finds no room is not imported
        answer = {"no_memory": True}
    except OSError as exc:
        if exc.errno in NO_SPACE:
            answer = {"no_space": True}
        elif exc.errno == errno.ENOMEM:
            answer = {"no_memory": True}
        else:
            answer = {"defect": type(exc).__name__}
    except Exception as exc:
        # A traceback could hold a customer's words.
        answer = {"defect": type(exc).__name__}
    sys.stderr.write(json.dumps(answer))
    sys.stderr.flush()
    # What could not be written would be tried again, and told behind the answer.
    os._exit(0)


def lay_out(asked: dict[str, Any], files: list[BinaryIO]) -> dict[str, Any]:
    """Find the layout of the file in another encoding, or with another delimiter."""
    (file,) = files
    name = asked["encoding"]
    encoding = Encoding(
        name,
        bom=byte_order_mark(file) if name == "utf-8" else 0,
        damaged=asked["damaged"],
    )
    layout, _ = find_layout(file, encoding, delimiter=asked["delimiter"])
    return _answered({"layout": layout.as_json()})


def check_first_rows(asked: dict[str, Any], files: list[BinaryIO]) -> dict[str, Any]:
    """Check the first rows of the file, as they are read by a layout."""
    from uploads.preview import check, first_rows, open_questions, settle

    (file,) = files
    layout, found = Layout.of(asked["layout"]), Layout.of(asked["found"])
    block = first_rows(file, layout)
    layout = settle(layout, block, known=found)
    # Nobody is shown a digest: the real key stays where it is.
    checked = check(
        block,
        layout,
        region=asked["region"],
        zone=ZoneInfo(asked["timezone"]),
        national_id_key=b"none",
    )
    return _answered(
        {
            "layout": layout.as_json(),
            "checked": asdict(checked),
            "questions": open_questions(layout),
        }
    )


def write_refused(asked: dict[str, Any], files: list[BinaryIO]) -> dict[str, Any]:
    """Write the refused rows of the file, as CSV or as a workbook."""
    from uploads.rejected import Part, rejected_rows
    from uploads.rejected_writers import write_csv, write_workbook

    file, errors = files
    layout = Layout.of(asked["layout"])
    rows = rejected_rows(
        file,
        layout,
        parts=[Part(*part) for part in asked["parts"]],
        errors=_errors_in(errors),
    )
    if asked["delimiter"]:
        write_csv(rows, sys.stdout.buffer, delimiter=asked["delimiter"])
    else:
        write_workbook(rows, sys.stdout.buffer, width=len(layout.headers) + 2)
    return {}


def _answered(found: dict[str, Any]) -> dict[str, Any]:
    sys.stdout.write(json.dumps(found))
    return {}


def _errors_in(file: BinaryIO) -> Iterator[tuple[int, str]]:
    file.seek(0)
    for line, sentence in csv.reader(io.TextIOWrapper(file, "utf-8", newline="")):
        yield int(line), sentence


ACTS: dict[str, Act] = {
    "lay_out": lay_out,
    "check_first_rows": check_first_rows,
    "write_refused": write_refused,
}
