"""What is typed into a search, and how texts are compared with it. Pure.

What is typed and what is stored go through the same functions, so that neither case
nor dashes, dots or scripts of digits keep one from the other.
"""

import re
import string
import unicodedata
from collections.abc import Collection

import phonenumbers

# A name, a number or a wamid is shorter; PostgreSQL takes no word beyond 2 kB.
LONGEST = 200

# Fewer last digits than these may be anybody's; a number as dialled has more.
_NATIONAL_DIGITS = 7
_TRUNK_ZERO = re.compile(r"\(\s*0\s*\)")
# What stands between the parts of a loan number and means nothing.
IDENTIFIER_MARKS = " -/._\\:#,()\u00a0\u2010\u2013\u2014"
_IDENTIFIER_FOLDS = dict.fromkeys(map(ord, IDENTIFIER_MARKS)) | {
    ord(letter): letter.upper() for letter in string.ascii_lowercase
}
# `fold_identifier` as PostgreSQL's, of a column, with the marks as parameter.
FOLDED_IDENTIFIER = "translate(upper({column} COLLATE \"C\"), %s, '')"
_SEPARATORS = frozenset("+./")
_SEPARATOR_KINDS = frozenset(["Pd", "Ps", "Pe", "Zs", "Cc", "Cf"])


class _WordBreaks(dict[int, str]):
    """Turns marks, signs and blanks into blanks; letters, digits and vowel signs stay.

    Joiners and other invisible signs of format go. NUL stays: it stands between the
    texts of a column.
    """

    def __missing__(self, code: int) -> str:
        mark = chr(code)
        kind = unicodedata.category(mark)
        kept = mark
        if kind == "Cf":
            kept = ""
        elif kind[0] in "PSZC" and mark != "\0":
            kept = " "
        self[code] = kept
        return kept


_word_breaks = _WordBreaks()


def search_term_of(text: str) -> str:
    """Return a text as PostgreSQL can look for it: short, and without a NUL."""
    return text[:LONGEST].replace("\0", "").strip()


def words_of(text: str) -> list[str]:
    """Return the words of a name, without regard to case and marks between them."""
    return fold_words(text).split()


def fold_words(text: str) -> str:
    """Return a text in lower case with blanks between its words; keeps NULs.

    For whole columns at a time, joined by NUL.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return text.casefold().translate(_word_breaks)


def fold_identifier(text: str) -> str:
    """Return a loan number in capitals, without blanks, dashes and such marks.

    ASCII letters only, so that `FOLDED_IDENTIFIER` does the same on every machine.
    """
    return text.translate(_IDENTIFIER_FOLDS)


def typed_digits(text: str) -> str:
    """Return the digits of what is written like a number; "" for anything else.

    In whatever script they are, and whatever stands between them: blanks, dashes, dots,
    brackets, slashes.
    """
    digits = []
    for mark in _TRUNK_ZERO.sub("", text):
        if mark.isdecimal():
            digits.append(str(unicodedata.decimal(mark)))
        elif (
            mark not in _SEPARATORS
            and unicodedata.category(mark) not in _SEPARATOR_KINDS
        ):
            return ""
    return "".join(digits)


def first_digits(digits: str, *, calling_codes: Collection[str]) -> list[str]:
    """Return with which digits a number may begin, country code first, if dialled so.

    `09800002015` and `00919800002015` are `919800002015` in India; so is `9800002015`.
    """
    dialled = digits.lstrip("0")
    if not dialled:
        return [digits]
    return sorted({digits, dialled, *(code + dialled for code in calling_codes)})


def last_digits(digits: str) -> list[str]:
    """Return with which digits a number may end; a whole one without the zeros before
    it."""
    dialled = digits.lstrip("0")
    return sorted({digits, dialled} if len(dialled) >= _NATIONAL_DIGITS else {digits})


def calling_codes_of(countries: Collection[str]) -> set[str]:
    """Return the calling codes of countries (ISO 3166, two letters)."""
    codes = {phonenumbers.country_code_for_region(one.upper()) for one in countries}
    return {str(code) for code in codes if code}
