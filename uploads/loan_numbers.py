"""Whether a column of loan numbers holds Aadhaar numbers. Pure.

One in ten numbers of twelve digits passes the check of an Aadhaar number by chance, so
no single one says which it is. The column does.
"""

import re
from collections.abc import Sequence

from uploads.national_ids import ascii_digits, is_aadhaar, mask_national_ids
from uploads.null_values import NULL_VALUES_AND_NIL

# As many show what their column's numbers are like, and no more are looked at.
_ENOUGH = 1_000
# So many are no few that strayed in, though most of the column be written otherwise.
_MANY = 20
# Of numbers that pass by chance, the most that do.
_BY_CHANCE = 1 / 3
_EXPONENT = re.compile(r"\A-?[0-9.]++[eE]\+?[0-9]++")


def twelve_digits(number: str) -> str:
    """Return the digits of a number that has twelve and no letters; blank for others.

    What stands between them does not matter.
    """
    whole = number.strip().removesuffix(".0")
    if len(whole) < 12 or any(map(str.isalpha, whole)):
        return ""
    digits = ascii_digits("".join(filter(str.isdecimal, whole)))
    return digits if len(digits) == 12 else ""


def passes_as_aadhaar(number: str) -> bool:
    """Tell whether a loan's number may be an Aadhaar number: only its column knows."""
    return is_aadhaar(twelve_digits(number))


def masked_loan_number(number: str) -> str:
    """Return the number cut to its last four digits if it passes, and as it is if not.

    With the question mark it is refused when it comes back.
    """
    if passes_as_aadhaar(number):
        return f"XXXXXXXX{twelve_digits(number)[8:]}?"
    # Excel's 2.34123412346E+11 is refused as one whose digits are lost; not all are.
    return mask_national_ids(number) if _EXPONENT.fullmatch(number.strip()) else number


class LoanNumberEvidence:
    """What the numbers of a column that have twelve digits are like."""

    def __init__(self) -> None:
        self._filled = 0
        self._of_twelve = 0
        self._seen: set[str] = set()

    @property
    def settled(self) -> bool:
        return len(self._seen) >= _ENOUGH

    def look_at(self, cells: Sequence[str]) -> None:
        self._filled += len(cells) - cells.count("")
        self._filled -= sum(map(NULL_VALUES_AND_NIL.__contains__, cells))
        found = [
            digits
            for cell in cells
            if len(cell) > 11 and not cell[0].isalpha()
            if (digits := twelve_digits(cell))
        ]
        self._of_twelve += len(found)
        self._seen.update(found)

    def settle(self) -> bool:
        """Tell whether numbers of twelve digits are this lender's own.

        Not where most pass the check, nor where they are a few among others.
        """
        passing = sum(map(is_aadhaar, self._seen))
        is_usual = len(self._seen) >= _MANY or self._of_twelve * 2 >= self._filled
        return is_usual and passing <= len(self._seen) * _BY_CHANCE
