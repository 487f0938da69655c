"""The process in which a workbook is read, apart from the worker that asked for it.

Whatever the file makes of it, killed by a limit or aborted for want of memory, the
worker lives and tells the uploader. It reads standard input, writes the rows to
standard output and one line of JSON, how it went, to standard error.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from typing import BinaryIO

from uploads.columns import letter
from uploads.encodings import UnreadableFile
from uploads.workbooks.archive import TOO_LARGE, Archive, damage_is_refused
from uploads.workbooks.book import read_book
from uploads.workbooks.sheet import SheetWriter
from uploads.workbooks.strings import read_strings

MOST_MEMORY = 288 << 20
MOST_SECONDS = 9
_NAMED = 6  # columns, in a sentence
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Set the limits, then read."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(sys.argv[-1]):
        return  # the worker was gone before it could be followed
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS + 1))
    try:
        answer = convert(sys.stdin.buffer, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except UnreadableFile as unreadable:
        answer = {"refused": str(unreadable)}
    except MemoryError:
        answer = {"refused": TOO_LARGE}
    except Exception as exc:
        # A traceback could hold a customer's words.
        answer = {"defect": type(exc).__name__}
    sys.stderr.write(json.dumps(answer))


def convert(source: BinaryIO, target: BinaryIO) -> dict[str, str]:
    """Write the rows of a workbook's first visible sheet that has any; say which it is.

    Raises `UnreadableFile` for what cannot be read.
    """
    with damage_is_refused():
        archive = Archive(source)
        book = read_book(archive)
        strings: list[str] = []
        if book.strings in archive:
            with archive.open(book.strings) as file:
                strings = read_strings(file)
        for sheet in book.readable:
            writer = SheetWriter(book, strings, target)
            with archive.open(sheet.member) as file:
                writer.write(file)
            if writer.row_count:
                return {
                    "sheet": sheet.name,
                    "others": book.others_sentence(sheet),
                    "hidden": _hidden_sentence(writer.hidden_columns),
                }
    first = book.readable[0]
    raise UnreadableFile(
        f"The sheet \u201c{first.name}\u201d is empty, and so is every other that can "
        f"be seen. {book.others_sentence(first)}".rstrip()
        if len(book.sheets) > 1
        else f"The sheet \u201c{first.name}\u201d is empty."
    )


def _hidden_sentence(places: list[int]) -> str:
    """Say which columns are read that nobody sees in the workbook; blank for none."""
    if not places:
        return ""
    named = [letter(place) for place in places[:_NAMED]]
    if len(places) > _NAMED:
        named.append(f"{len(places) - _NAMED} more")
    if len(named) == 1:
        return f"Column {named[0]} is hidden in the workbook, and is read all the same."
    listed = f"{', '.join(named[:-1])} and {named[-1]}"
    return f"Columns {listed} are hidden in the workbook, and are read all the same."
