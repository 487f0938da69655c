"""Whether a kept file holds one of some phone numbers, however it is written. Pure.

A file is looked through as it was sent and not as it was read: a number may stand in a
cell that was refused, or in a sheet that nobody reads.
"""

import codecs
import re
import sys
import unicodedata
from collections.abc import Collection, Iterator
from functools import cache
from typing import IO, BinaryIO
from zipfile import ZipFile

from uploads.encodings import UnreadableFile
from uploads.workbooks.archive import damage_is_refused
from uploads.workbooks.conversion import is_workbook

_CHUNK = 1 << 20
# A number without its country code; who has fewer digits is found by all of them.
_NATIONAL_DIGITS = 10
_BETWEEN = r"[^0-9A-Za-z\r\n]{0,3}"
# A workbook's cell may be formatted digit by digit: these tags are within a text.
_RUN_TAG = re.compile(
    r"</?(?:[a-z0-9]{1,9}:)?(?:r|t|rPr|b|i|u|strike|sz|color|rFont|family|charset|scheme"
    r"|vertAlign|outline|shadow|condense|extend)(?:[ /][^<>]*)?>"
)
_DIGIT_OF_A_SCRIPT = re.compile(r"[^\D0-9]")
# More than a number takes, with all that may stand in it: it is then in the next piece.
_KEPT_OF_TEXT = 64
_KEPT_OF_WORKBOOK = 1 << 15
# What unpacks to more is not looked through.
_MOST_UNPACKED = 1 << 30


class Numbers:
    """Phone numbers to be found in texts, given as digits."""

    def __init__(self, phones: Collection[str]) -> None:
        parts = sorted({phone[-_NATIONAL_DIGITS:] for phone in phones})
        self._in_text = text_pattern(parts)
        self._in_workbook = workbook_pattern(parts)

    def are_in(self, text: str) -> bool:
        """Tell whether one of them stands in a text, in digits of any script."""
        return self._in_text.search(_plain(text)) is not None

    def masked(self, text: str) -> str:
        """Return a text without them."""
        return self._in_text.sub("…", _plain(text))

    def are_in_file(self, file: BinaryIO) -> bool:
        """Tell whether one of them stands in a file; also if nobody can tell.

        A text has to be one of bytes that go on from ASCII, as UTF-8 does.
        """
        if is_workbook(file):
            return self._are_in_workbook(file)
        file.seek(0)
        return any(map(self._in_text.search, _texts(file, _KEPT_OF_TEXT)))

    def _are_in_workbook(self, file: BinaryIO) -> bool:
        left = _MOST_UNPACKED
        try:
            with damage_is_refused(), ZipFile(file) as archive:
                for member in archive.infolist():
                    if not member.filename.lower().endswith(".xml"):
                        continue
                    left -= member.file_size
                    if left < 0 or member.flag_bits & 1:  # it has a password
                        return True
                    with archive.open(member) as opened:
                        texts = map(_joined, _texts(opened, _KEPT_OF_WORKBOOK))
                        if any(map(self._in_workbook.search, texts)):
                            return True
        except UnreadableFile:
            return True
        return False


def has_no_text(file: BinaryIO) -> bool:
    """Tell whether a file is neither a workbook nor text in an encoding of bytes."""
    if is_workbook(file):
        return False
    file.seek(0)
    return any(b"\0" in piece for piece in iter(lambda: file.read(_CHUNK), b""))


def text_pattern(numbers: Collection[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(_BETWEEN.join, numbers)))


def workbook_pattern(numbers: Collection[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(_in_workbook, numbers)))


def _in_workbook(digits: str) -> str:
    """Return a pattern; some programs write 9876543210 as 9.87654321E9."""
    head = digits.rstrip("0")
    zeros = "".join(_BETWEEN + "0" for _ in digits[len(head) :])
    pattern = _BETWEEN.join(head)
    return rf"{pattern}(?:{zeros}|E\+?[0-9])" if zeros else pattern


def _joined(text: str) -> str:
    """Return a piece of XML whose formatted texts are in one piece."""
    return _RUN_TAG.sub("", text) if "rPr" in text or "r>" in text else text


def _texts(file: IO[bytes], kept: int) -> Iterator[str]:
    """Yield a file's text; a number that one piece cuts in two is in the next."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    tail = ""
    while chunk := file.read(_CHUNK):
        text = tail + _plain(decoder.decode(chunk))
        yield text
        tail = text[-kept:]


def _plain(text: str) -> str:
    if text.isascii() or not _DIGIT_OF_A_SCRIPT.search(text):
        return text
    return text.translate(_ascii_digits())


@cache
def _ascii_digits() -> dict[int, str]:
    """Return the digits of all scripts, which phones are read in."""
    every = map(chr, range(0x80, sys.maxunicode + 1))
    return {
        ord(one): str(digit)
        for one in every
        if (digit := unicodedata.decimal(one, None)) is not None
    }
