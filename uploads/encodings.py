"""Which kind of file the bytes are, and which encoding they are written in. Pure.

The kind is told by the first bytes, never by the file's suffix. There is no statistical
guessing of encodings: on short samples it was wrong each time it mattered.
"""

import codecs
import re
from dataclasses import dataclass
from typing import BinaryIO

_CHUNK = 1 << 20
_SAMPLE = 1 << 16


class UnreadableFile(Exception):
    """The file as a whole cannot be read; the message is fit for its uploader."""


class NeverReadable(UnreadableFile):
    """A kind of file that holds no table, whoever tries it again."""


class UnknownColumns(UnreadableFile):
    """What its columns mean is not clear: somebody who knows can say so."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the bytes become text."""

    name: str
    bom: int = 0  # bytes to pass over
    damaged: bool = (
        False  # some lines are not in it: they are refused, the rest is read
    )
    notice: str = ""


_SAVE_AS = "Open it and save it as CSV (UTF-8), then upload that."
_KINDS = (
    (b"PK\x05\x06", "This is an empty zip archive, not a customer file."),
    (
        bytes.fromhex("D0CF11E0A1B11AE1"),
        "This is an old .xls workbook or one protected by a password. Open it and "
        "save it as .xlsx or CSV, without a password.",
    ),
    (b"\x1f\x8b", "This is a gzip archive. Unpack it and upload the file inside."),
    (b"BZh", "This is a bzip2 archive. Unpack it and upload the file inside."),
    (b"\xfd7zXZ", "This is an xz archive. Unpack it and upload the file inside."),
    (b"7z\xbc\xaf", "This is a 7z archive. Unpack it and upload the file inside."),
    (b"Rar!", "This is a RAR archive. Unpack it and upload the file inside."),
    (b"{\\rtf", "This is a word processor's document, not a customer file."),
    (b"SQLite format 3", "This is a database, not a customer file."),
)
# Kinds that hold no table: PNG, JPEG, GIF, TIFF, WebP, HEIC and AVIF; a PDF may have
# some dirt before it.
_PICTURE = re.compile(
    rb"\A(?:\x89PNG|\xff\xd8\xff|GIF8|II\*\0|MM\0\*|RIFF.{4}WEBP"
    rb"|.{4}ftyp(?:hei|hev|mif|msf|avif))",
    re.DOTALL,
)
_PDF = re.compile(rb"\A\s{0,16}%PDF-")
_MARKUP = re.compile(
    rb"\A\s*+<(?:!doctype|html|table|\?xml|head|body|meta)", re.IGNORECASE
)
_JSON = re.compile(rb"\A\s*+[\[{]\s*+[\[{\"]")

# What a file may be said to be that is none of the wide ones, and what people call it.
CHOICES = {
    "utf-8": "UTF-8",
    "cp1252": "Windows-1252 (Western Excel)",
    "mac-roman": "Mac Roman (Excel for Mac)",
}

_BOMS = (
    # UTF-32 first: its little-endian mark begins with UTF-16's.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)
# Latin, Arabic and Indian scripts, punctuation, signs of currencies. Bytes of another
# encoding, taken two by two or four by four, are Chinese at best.
_WRITTEN_HERE = re.compile(
    "[\t\n\r -~\xa0-\u024f\u0600-\u06ff\u0900-\u0dff\u2000-\u20bf\ufeff]+"
)
_CONTROLS = bytes([*range(9), 11, 12, *range(14, 27), *range(28, 32)])


def refuse_other_kinds(file: BinaryIO) -> None:
    """Raise `UnreadableFile`, by name, for whatever is no text."""
    file.seek(0)
    sample = file.read(_SAMPLE)
    if not sample:
        raise UnreadableFile("The file is empty (0 bytes).")
    for kind, what in ((_PDF, "PDF"), (_PICTURE, "picture")):
        if kind.match(sample):
            raise NeverReadable(
                f"This is a {what}. Ask for the list as a CSV file or a workbook."
            )
    for magic, message in _KINDS:
        if sample.startswith(magic):
            raise UnreadableFile(message)
    text = sample.removeprefix(codecs.BOM_UTF8)
    if _MARKUP.match(text):
        raise UnreadableFile(f"This is a web page or XML, not a table. {_SAVE_AS}")
    if _JSON.match(text):
        raise UnreadableFile("This is JSON. Ask for the list as CSV.")


def find_encoding(file: BinaryIO) -> Encoding:
    """Climb the ladder: byte order mark, NUL pattern, strict UTF-8, Windows-1252."""
    file.seek(0)
    sample = file.read(_SAMPLE)
    for bom, name in _BOMS:
        if sample.startswith(bom):
            if len(sample) == len(bom):
                raise UnreadableFile("The file is empty.")
            if name == "utf-8":
                return _utf8_or_windows(file, bom=len(bom))
            return Encoding(name, bom=len(bom))
    # UTF-16 without a mark is valid UTF-8 as long as its text is ASCII: look first.
    if b"\0" in sample and (wide := _wide_by_nuls(sample)):
        return Encoding(wide)
    encoding = _utf8_or_windows(file, bom=0)
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    # Text may have some dirt in it; bytes that are no UTF-8 either are no text.
    if controls > len(sample) * (0.3 if encoding.name == "utf-8" else 0.03):
        raise UnreadableFile("This is not a text file. Upload the list as CSV.")
    return encoding


def chosen_encoding(file: BinaryIO, name: str) -> Encoding:
    """Return the encoding that somebody chose, one of whose bytes each part a line."""
    if name == "utf-8":
        bom = byte_order_mark(file)
        return Encoding(name, bom=bom, damaged=not _is_utf8(file))
    return Encoding(name, damaged=True)  # what is not in it costs its line


def byte_order_mark(file: BinaryIO) -> int:
    """Return how many bytes to pass over at the beginning of UTF-8."""
    file.seek(0)
    mark = codecs.BOM_UTF8
    return len(mark) if file.read(len(mark)) == mark else 0


def _wide_by_nuls(sample: bytes) -> str:
    """Return which of the wide encodings a text without a mark is in, if any."""
    widest = (name for name in ("utf-32-le", "utf-32-be") if _is_text(sample, name))
    wide = ("utf-16-le", "utf-16-be")
    return (
        next(widest, "")
        or _utf16_by_nuls(sample)
        or next((name for name in wide if _is_text(sample, name)), "")
    )


def _is_text(sample: bytes, encoding: str) -> bool:
    """Tell whether the bytes make lines of letters that are written here.

    In a list of Hindi names hardly a byte is NUL but those of delimiters and line ends.
    """
    text = sample[: len(sample) // 4 * 4].decode(encoding, "replace")
    others = _WRITTEN_HERE.sub("", text)
    return len(others) < len(text) * 0.1 and ("\n" in text or "\r" in text)


def _utf16_by_nuls(sample: bytes) -> str:
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if even + odd < len(sample) * 0.1:
        return ""
    if odd > 9 * even:
        return "utf-16-le"
    if even > 9 * odd:
        return "utf-16-be"
    return ""


def _utf8_or_windows(file: BinaryIO, *, bom: int) -> Encoding:
    if _is_utf8(file):
        return Encoding("utf-8", bom=bom)
    utf8_lines, other_lines = _count_lines(file)
    if bom or utf8_lines >= other_lines:
        return Encoding(
            "utf-8",
            bom=bom,
            damaged=True,
            notice=f"{other_lines} lines are not in the encoding of the others: they "
            "are refused. Save the file as CSV UTF-8 to bring them in.",
        )
    return Encoding(
        "cp1252",
        damaged=True,  # five of its bytes mean nothing
        notice="The file is not UTF-8; it was read as Windows-1252 (Western Excel). "
        "If names look wrong, its encoding is another one: choose it before the upload "
        "starts, or save the file as CSV UTF-8 and send that.",
    )


def _is_utf8(file: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _count_lines(file: BinaryIO) -> tuple[int, int]:
    """Count the lines that are UTF-8 beyond ASCII, and those that are not UTF-8."""
    utf8_lines = other_lines = 0
    file.seek(0)
    # A bound on the line, so that a file without line ends is not read in one piece.
    while line := file.readline(_CHUNK):
        if line.isascii():
            continue
        try:
            line.decode()
        except UnicodeDecodeError:
            other_lines += 1
        else:
            utf8_lines += 1
    return utf8_lines, other_lines
