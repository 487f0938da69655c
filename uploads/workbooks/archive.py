"""The zip archive that a workbook is, looked at before anything in it is read. Pure.

What the archive claims decides what is unpacked at all: a file of 300 KB may hold a
gigabyte of nothing.
"""

import errno
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from uploads.encodings import UnreadableFile

# 300,000 rows of 14 columns are some 190 MB. Only what is read counts: pictures and
# other sheets do not.
MOST_UNPACKED = 256 << 20
MOST_MEMBERS = 10_000
# Sheets of customers are packed to a tenth, blank ones that were formatted to a
# fortieth. Deflate makes at most a thousandth of anything.
_MOST_RATIO = 200
_RATIO_MATTERS_FROM = 8 << 20

TOO_LARGE = (
    "This workbook is too large to be read here. Save its sheet as CSV (UTF-8) and "
    "upload that: a CSV file may have any size."
)
DAMAGED = (
    "This workbook is damaged or was cut off on its way. Open it in Excel, save it "
    "again and upload that."
)
_AS_XLSX = "Save it as .xlsx or CSV and upload that."
# By a member that only this kind has, the surest first.
_OTHER_KINDS = (
    ("xl/vbaproject.bin", f"This workbook holds macros, which are not run. {_AS_XLSX}"),
    ("xl/workbook.bin", f"This is a binary workbook (.xlsb). {_AS_XLSX}"),
    ("word/document.xml", "This is a Word document. Ask for the list as a workbook."),
    ("ppt/presentation.xml", "These are slides. Ask for the list as a workbook."),
    ("content.xml", f"This is an OpenDocument file (.ods). {_AS_XLSX}"),
    ("index/document.iwa", f"This is a Numbers or Pages file. {_AS_XLSX}"),
)
_BROKEN = (
    BadZipFile,
    zlib.error,
    expat.ExpatError,
    EOFError,
    NotImplementedError,  # a compression that no spreadsheet program writes
    UnicodeError,
)


@contextmanager
def damage_is_refused() -> Iterator[None]:
    """Turn whatever a broken archive or broken XML raises into a refusal."""
    try:
        yield
    except _BROKEN as exc:
        raise UnreadableFile(DAMAGED) from exc
    except OSError as exc:
        if exc.errno != errno.EINVAL:  # a member that begins before the file does
            raise
        raise UnreadableFile(DAMAGED) from exc


class Archive:
    """The members of a workbook, by their names in small letters."""

    def __init__(self, file: BinaryIO) -> None:
        """Open the archive; raises `UnreadableFile`, by name, if it is no workbook."""
        self._zip = ZipFile(file)
        self._members = {_plain(info.filename): info for info in self._zip.infolist()}
        self._unpacked = 0
        if len(self._zip.infolist()) > MOST_MEMBERS:
            raise UnreadableFile(TOO_LARGE)
        for name, message in _OTHER_KINDS:
            if name in self._members:
                raise UnreadableFile(message)
        if "[content_types].xml" not in self._members:
            raise UnreadableFile(
                "This is a zip archive, not a workbook. Unpack it and upload the file "
                "inside."
            )

    def __contains__(self, name: str) -> bool:
        return _plain(name) in self._members

    def open(self, name: str) -> IO[bytes]:
        """Return a member to be read in pieces, if there is no harm in that."""
        info = self._members.get(_plain(name))
        if info is None:
            raise UnreadableFile(DAMAGED)
        if info.flag_bits & 1:
            raise UnreadableFile(
                "This workbook is protected by a password. Save it without one and "
                "upload that."
            )
        if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise UnreadableFile(DAMAGED)
        self._unpacked += info.file_size
        if self._unpacked > MOST_UNPACKED or _is_bomb(info):
            raise UnreadableFile(TOO_LARGE)
        return self._zip.open(info)  # gives no more than the size it claims


def _is_bomb(info: ZipInfo) -> bool:
    return (
        info.file_size > _RATIO_MATTERS_FROM
        and info.file_size > info.compress_size * _MOST_RATIO
    )


def _plain(name: str) -> str:
    """Return a name as it is compared: programs differ in case and slashes."""
    return name.replace("\\", "/").lstrip("/").lower()
