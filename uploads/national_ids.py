"""Aadhaar and PAN numbers: read, checked, masked. Pure.

A national id is never kept whole. Its last four characters may be shown; a keyed
digest lets two entries of one person be matched.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from itertools import accumulate
from typing import Final

from uploads.refusals import CELL_TOO_LONG, LONGEST_CELL, Refused

# The dihedral group D5 and the permutation of Verhoeff's check (UIDAI uses it).
_D5: Final = tuple(
    tuple(map(int, row))
    for row in (
        "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
        "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
    )
)  # fmt: skip
_PERMUTATION: Final = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)

_PAN_ANYWHERE = re.compile(
    r"(?<![A-Z0-9])[A-Z]{5}[ -]?[0-9]{4}[ -]?[A-Z](?![A-Z0-9])", re.IGNORECASE
)
_LONGEST_PHONE = 10  # digits, without its country's code
_PAN = re.compile(r"[A-Z]{5}[0-9]{4}[A-Z]")
# What people write in place of the digits they do not show.
_MASK_MARKS = "Xx*#•●"
_MASKED = re.compile(
    rf"\A[{_MASK_MARKS}]{{2,}}+(?:[ -][{_MASK_MARKS}]++)*+[ -]?"
    r"([0-9]{4}|[0-9]{3}[A-Za-z])"
)
# More than the last four of a PAN: of its shape, yet nobody's own.
_MASKED_PAN = re.compile(rf"[{_MASK_MARKS}]{{5}}[0-9]([0-9]{{3}}[A-Za-z])")
_FLOAT = re.compile(r"\A([0-9]++)\.0++")
_DIGITS = re.compile(r"[0-9][0-9 -]*")
_EXPONENT = re.compile(r"\A[0-9]++(?:[.,][0-9]++)?\s*+[eE]\s*+[+-]?[0-9]++")

_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))

# Wherever it stands: in one piece or in groups, in any script's digits, also as Excel
# writes a large number. A number with a plus in front is a phone's.
_UNSEEN = r"\xad\u200b-\u200f\u2060\ufeff"
_DASHES = r"\-\u2010-\u2015\u2212"
_LONG_DASH = re.compile(rf"[{_DASHES}]")
_GAP = rf"[\s.,:;|*()_/{_DASHES}{_UNSEEN}]{{0,3}}"
_NARROW_GAP = rf"[\s{_DASHES}{_UNSEEN}]{{0,2}}"
# It begins with a digit and looks back from there: a text is searched ten times as fast
# as when each of its places is looked back from.
# What ends one run of twelve digits may begin the next: it takes one and looks ahead.
_TWELVE_DIGITS = re.compile(
    rf"\d(?<![\d+]\d)(?=(\d{{3}}{_GAP}\d{{4}}{_GAP}\d{{4}}(?!\d)"
    rf"|(?:{_NARROW_GAP}\d){{11}}(?!\d)"
    r"|\.\d{11}(?=0*[eE]\+?11(?!\d))))"
)
_GROUPS = re.compile(r"(\d+)")
_MOST_ODD_GROUPS = 4


def read_national_id(text: str) -> tuple[str, str] | Refused:
    """Return (what may be shown, the whole number for its digest) of an id.

    The whole number is "" where the file itself holds only a masked one.
    """
    if is_aadhaar(text):
        return f"XXXXXXXX{text[8:]}", text
    if len(text) > LONGEST_CELL:
        return CELL_TOO_LONG
    plain = _plain(text)
    if number := _FLOAT.fullmatch(plain):
        plain = number[1]  # a spreadsheet's
    if _EXPONENT.fullmatch(plain):
        return Refused(
            "national_id_exponent",
            "Excel has destroyed digits: format the column as text, enter it again.",
        )
    if masked := _MASKED.fullmatch(plain) or _MASKED_PAN.fullmatch(plain):
        four = masked[1].upper()  # of a PAN, or of an Aadhaar number
        return f"{'XXXXXX' if four[3].isalpha() else 'XXXXXXXX'}{four}", ""
    pan = plain.replace(" ", "").upper()
    if _PAN.fullmatch(pan):
        return f"XXXXXX{pan[6:]}", pan
    if not _DIGITS.fullmatch(plain):
        return Refused(
            "national_id_unknown", "This is neither an Aadhaar number nor a PAN."
        )
    digits = plain.replace(" ", "").replace("-", "")
    if len(digits) != 12:
        return Refused("national_id_length", "An Aadhaar number has 12 digits.")
    if not is_aadhaar(digits):
        return Refused(
            "national_id_check",
            "The check digit of this Aadhaar number is wrong: a digit is mistyped.",
        )
    return f"XXXXXXXX{digits[8:]}", digits


def digester(key: bytes) -> Callable[[str], str]:
    """Return what makes the HMAC-SHA256 of ids under a key, as RFC 2104 has it.

    The key is set up once; `hmac.digest` does so for every id, which takes twice as
    long as all the rest.
    """
    block = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    inner = hashlib.sha256(block.translate(_INNER))
    outer = hashlib.sha256(block.translate(_OUTER))

    def digest(whole: str) -> str:
        first, second = inner.copy(), outer.copy()
        first.update(whole.encode())
        second.update(first.digest())
        return second.hexdigest()

    return digest


def mask_national_ids(text: str) -> str:
    """Return the text with every Aadhaar number in it cut to its last four digits.

    Where there is none, it is the very same text.
    """
    pieces: list[str] = []
    done = 0
    for found in _TWELVE_DIGITS.finditer(text):
        start, end = found.start(), found.end(1)
        written = text[start:end]
        digits = "".join(filter(str.isdecimal, ascii_digits(written)))
        if is_aadhaar(digits) and _is_one_number(written):
            if start < done:  # the last four of one are the first of the next
                pieces.pop()
            else:
                pieces.append(text[done:start])
            pieces.append(f"XXXXXXXX{digits[8:]}")
            done = end
    return "".join([*pieces, text[done:]]) if pieces else text


def mask_likely_ids(text: str) -> str:
    """Return what may be kept of a cell whose header speaks of ids, and of more.

    There a mistyped id is one too; "Yes", a date and a mobile number are none.
    """
    plain = mask_national_ids(text)
    if _PAN_ANYWHERE.search(plain) or sum(map(str.isdecimal, plain)) > _LONGEST_PHONE:
        return mask_as_national_id(text)
    return plain


def mask_as_national_id(text: str) -> str:
    """Return what may be shown of a cell that should hold a national id."""
    kept = "".join(mark for mark in text if mark.isalnum() or mark in _MASK_MARKS)
    return "X" * len(kept) if len(kept) <= 4 else "X" * (len(kept) - 4) + kept[-4:]


def ascii_digits(text: str) -> str:
    """Return the text with the digits of every script as those of ASCII."""
    if text.isascii():
        return text
    return "".join(
        str(unicodedata.decimal(mark)) if mark.isdecimal() else mark for mark in text
    )


def is_aadhaar(text: str) -> bool:
    """Tell whether a text is an Aadhaar number in one piece, by its check digit."""
    return (
        len(text) == 12
        and text[0] in "23456789"
        and text.isdigit()
        and text.isascii()
        and passes_verhoeff(text)
    )


def passes_verhoeff(digits: str) -> bool:
    """Tell whether twelve digits, the check digit last, pass Verhoeff's check."""
    low, high = _quads()
    number = int(digits)
    half = _D5[low[number % 10_000]][high[number // 10_000 % 10_000]]
    return _D5[half][low[number // 100_000_000]] == 0


def _is_one_number(written: str) -> bool:
    """Tell groups of digits that are one number from several in a row.

    Odd groups are one if they are few and the same mark parts them, where a date and an
    amount differ in theirs; but not if they begin with a mobile number.
    """
    _, *parts, _ = _GROUPS.split(written)
    groups, marks = parts[0::2], parts[1::2]
    if len(set(map(len, groups))) == 1 or marks == ["."]:
        return True
    digits = ascii_digits("".join(groups))
    is_phone = digits[0] in "6789" and 10 in accumulate(map(len, groups))
    is_phone = is_phone or (digits[:2] == "91" and digits[2] in "6789")
    return (
        len(groups) <= _MOST_ODD_GROUPS
        and len({"".join(mark.split()) for mark in marks}) == 1
        and not is_phone
    )


def _plain(text: str) -> str:
    """Drop what only carries an id: scripts, a spreadsheet's wrappings, long dashes."""
    plain = _LONG_DASH.sub("-", ascii_digits(text)).removeprefix("'")
    if plain.startswith('="') and plain.endswith('"'):
        plain = plain[2:-1]
    return plain.strip()


@cache
def _quads() -> tuple[bytes, bytes]:
    """Verhoeff's product of every four digits, at places 0 to 3 and 4 to 7.

    The permutation repeats after eight places and the group is associative, so twelve
    digits take two look-ups in place of twelve.
    """
    permutations = [list(range(10))]
    for _ in range(7):
        permutations.append([_PERMUTATION[digit] for digit in permutations[-1]])

    def product(number: int, place: int) -> int:
        result = 0
        for offset in range(4):
            number, digit = divmod(number, 10)
            result = _D5[result][permutations[place + offset][digit]]
        return result

    return (
        bytes(product(number, 0) for number in range(10_000)),
        bytes(product(number, 4) for number in range(10_000)),
    )
