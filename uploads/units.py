"""The units of money that headers name beside the rupee: lakh, crore, thousand. Pure.

An amount in lakhs is another amount: a header that names a unit is never taken for
rupees by guess. Somebody who looks at the file says so, together with the unit.
"""

import difflib
import enum
import re
import unicodedata
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

from uploads.header_names import BY_NAME, LONGEST_HEADER, find_field, fold


class MoneyUnit(enum.StrEnum):
    """In what a column counts its amounts."""

    RUPEES = "rupees"
    THOUSAND = "thousand"
    LAKH = "lakh"
    MILLION = "million"
    CRORE = "crore"
    BILLION = "billion"
    PAISE = "paise"

    @property
    def factor(self) -> Decimal:
        """How many rupees one of it is."""
        return _FACTORS[self]


_FACTORS = {
    MoneyUnit.RUPEES: Decimal(1),
    MoneyUnit.THOUSAND: Decimal(10) ** 3,
    MoneyUnit.LAKH: Decimal(10) ** 5,
    MoneyUnit.MILLION: Decimal(10) ** 6,
    MoneyUnit.CRORE: Decimal(10) ** 7,
    MoneyUnit.BILLION: Decimal(10) ** 9,
    MoneyUnit.PAISE: Decimal("0.01"),
}

# Words that mean the unit wherever they stand.
_SURE = {
    word: unit
    for unit, words in {
        MoneyUnit.THOUSAND: "thousand thousands thou 000 000s हजार हज़ार",
        MoneyUnit.LAKH: "lakh lakhs lac lacs lakhss lkh lkhs laks lacks 00000 लाख",
        MoneyUnit.MILLION: "million millions mio mln 000000",
        MoneyUnit.CRORE: "crore crores 0000000 करोड़ करोड",
        MoneyUnit.BILLION: "billion billions bln",
        MoneyUnit.PAISE: "paise paisa पैसे",
    }.items()
    for word in unicodedata.normalize("NFKC", words).split()
}
# Words that may mean something else, and the unit only in brackets or at the end:
# "LAN" holds an L and "KYC" a K, and "Cr Amount" is a credit.
_AT_THE_END = {
    "k": MoneyUnit.THOUSAND,
    "ks": MoneyUnit.THOUSAND,
    "1000": MoneyUnit.THOUSAND,
    "1000s": MoneyUnit.THOUSAND,
    "l": MoneyUnit.LAKH,
    "lk": MoneyUnit.LAKH,
    "lks": MoneyUnit.LAKH,
    "100000": MoneyUnit.LAKH,
    "mn": MoneyUnit.MILLION,
    "mm": MoneyUnit.MILLION,
    "cr": MoneyUnit.CRORE,
    "crs": MoneyUnit.CRORE,
    "bn": MoneyUnit.BILLION,
}
# Only where rupees are named too, as in (INR M): M is as often a month.
_AFTER_RUPEES = {"m": MoneyUnit.MILLION}
_RUPEES = frozenset({"rs", "inr", "rupee", "rupees", "₹", "रुपये", "रु"})
_FILLERS = _RUPEES | frozenset(
    ["in", "of", "the", "figure", "figures", "fig", "value", "values", "all", "s", "में"]
)
# Behind one of these a unit stands in a title; behind a number it is of one amount.
_IN_RUPEES = _RUPEES | {"in"}
_BEFORE_IN_TITLES = _IN_RUPEES | frozenset(
    [
        "figure",
        "figures",
        "fig",
        "value",
        "values",
        "amount",
        "amounts",
        "amt",
        "amts",
        "unit",
        "units",
        "राशि",
    ]
)
_TITLE_PIECES = re.compile(r"[()\[\]{}:;|]")
_LONGEST_TITLE = 500
# A debit is beside it: then Cr is a credit.
_ENTRIES = frozenset({"cr", "dr", "credit", "debit"})

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORD = re.compile(
    r"₹|[0-9]++(?:,++[0-9]++)*+(?:s(?![a-z]))?|(?:[^\W\d_]|[\u0900-\u0dff])++"
)
_BRACKETS = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")
_AS_LIKE = 0.82


def find_unit(header: str) -> MoneyUnit | None:
    """Return the unit other than the rupee that a header names; None for none."""
    return _find_unit(header) if len(header) <= LONGEST_HEADER else None


def find_amount_in_unit(header: str) -> str:
    """Return the amount that a header is of, the unit in it left out; "" for none."""
    return _find_amount(header) if find_unit(header) else ""


def find_amount(header: str) -> str:
    """Return the amount that a header is of or may be, in any unit; "" for none."""
    return _find_amount(header) if len(header) <= LONGEST_HEADER else ""


def find_title_unit(title: str) -> MoneyUnit | None:
    """Return the unit that a line above the header says amounts are in, if it does.

    "Amounts in Rs. Lakhs" and "(₹ Cr)" do; "Loans above 5 lakh" and "Rs. 1000" do not.
    """
    for piece in _TITLE_PIECES.split(title[:_LONGEST_TITLE]):
        words = _words(piece)
        if "not" in words or "dr" in words:
            continue
        says_no_more = set(words) <= _FILLERS | _SURE.keys()
        for before, word in pairwise(["", *words]):
            behind_that = before in _BEFORE_IN_TITLES
            if word in _SURE and (behind_that or (says_no_more and not word.isdigit())):
                return _SURE[word]
        before, last = words[-2:] if len(words) > 1 else ("", "")
        if before in _IN_RUPEES and not last.isdigit() and (unit := _last_unit(words)):
            return unit
    return None


def is_plain(header: str) -> bool:
    """Tell whether nothing in a header says that its amounts are no rupees."""
    return find_unit(header) is None and _ENTRIES.isdisjoint(_words(header))


@lru_cache(maxsize=4096)
def _find_unit(header: str) -> MoneyUnit | None:
    words = _words(header)
    for word in words:
        if unit := _SURE.get(word):
            return unit
    for inside in _BRACKETS.findall(header):
        if unit := _last_unit(_words(inside)):
            return unit
    if (unit := _last_unit(words)) and not set(words) <= _FILLERS | {*_AT_THE_END, "m"}:
        return unit
    return _run_together(fold(header))


def _last_unit(words: list[str]) -> MoneyUnit | None:
    """Return the unit with which some words end, but for words that say nothing."""
    if "dr" in words or "debit" in words:
        return None
    said = [word for word in words if word not in _FILLERS]
    if not said:
        return None
    if not _RUPEES.isdisjoint(words) and (unit := _AFTER_RUPEES.get(said[-1])):
        return unit
    return _AT_THE_END.get(said[-1])


def _run_together(folded: str) -> MoneyUnit | None:
    """Find the unit in loanamountl and totaloutstandinglakhs."""
    for word, unit in {**_SURE, **_AT_THE_END}.items():
        if word.isalpha() and _amount_by_name(folded, unit_word=word):
            return unit
    return None


def _amount_by_name(folded: str, *, unit_word: str) -> str:
    """Return the amount whose name stands before a unit; "" for none."""
    if not folded.endswith(unit_word):
        return ""
    folded = folded.removesuffix(unit_word)
    for filler in ("", "in", "rs", "inr", "rsin", "inrs", "ininr"):
        field, _ = BY_NAME.get(folded.removesuffix(filler), ("", 0))
        if field.endswith("_amount"):
            return field
    return ""


@lru_cache(maxsize=4096)
def _find_amount(header: str) -> str:
    units = {**_SURE, **_AT_THE_END, **_AFTER_RUPEES}
    words = [w for w in _words(header) if w not in units and w not in _FILLERS]
    name = " ".join(words)
    if (found := find_field(name)) and found[0].endswith("_amount"):
        return found[0]
    folded = fold(header)
    for word in units:
        if field := _amount_by_name(folded, unit_word=word):
            return field
    close = difflib.get_close_matches(fold(name), BY_NAME, n=1, cutoff=_AS_LIKE)
    field = BY_NAME[close[0]][0] if close else ""
    return field if field.endswith("_amount") else ""


def _words(header: str) -> list[str]:
    plain = _CAMEL.sub(" ", unicodedata.normalize("NFKC", header)).casefold()
    return [word.replace(",", "") for word in _WORD.findall(plain)]
