"""Whole numbers as their cells' format shows them: 4711 as HL004711. Pure.

Only what may be a number that somebody has is shown so. Formats that group thousands,
round, scale, or write fractions and powers of ten are ornament: the number says more.
The notation is that of ECMA-376, part 1, 18.8.31.
"""

import operator
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

LONGEST_FORMAT = 255  # as Excel has it
_MOST_SECTIONS = 4

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "=": operator.eq, "<>": operator.ne,
}  # fmt: skip
_CONDITION = re.compile(r"([<>=]{1,2})(-?[0-9]{1,15}(?:\.[0-9]{1,15})?)")
# One token: text in quotes, a mark behind a backslash, the room of a mark or its
# repetition, something in brackets, the word General, any mark.
_TOKEN = re.compile(
    r'"([^"]{0,255}+)"|\\(.)|_.|\*.|\[([^\]]{0,255}+)\]|(general)|(.)',
    re.IGNORECASE | re.DOTALL,
)
# Stand for themselves without a backslash.
_LITERAL = frozenset("$-+():!^&'~{}<>= ")
_DIGITS = frozenset("0#?")
# What an amount is counted in, behind its digits. A comma before it scales the number
# that is shown, which then is whole itself.
_UNIT = re.compile(
    r"[0#?](?P<scale>,*)\s*+"
    r"(?P<unit>lakhs?|lacs?|lkhs?|lks?|l|crores?|crs?|thousands?|k|millions?|mio|mn|m"
    r"|billions?|bn|paise|लाख|करोड़|करोड|हज़ार|हजार|\.?[０-９]++)[\s.)]*+\Z",
    re.IGNORECASE,
)
# Digits that are text, as in 0"000", are told from the places of digits.
_TEXT_DIGITS = {ord("0") + digit: 0xFF10 + digit for digit in range(10)}
# Instead of a digit: the whole number, as it is.
_WHOLE = "General"


@dataclass(frozen=True, slots=True)
class _Section:
    """A format of numbers, or of those that a condition is true of."""

    # Literals, and where a digit stands: (mark, "") or ("", text).
    tokens: tuple[tuple[str, str], ...]
    condition: tuple[str, float] | None
    has_text: bool  # "@" stands in it

    def holds_for(self, number: int) -> bool:
        if self.condition is None:
            return True
        mark, bound = self.condition
        return _COMPARISONS[mark](number, bound)

    @property
    def has_digits(self) -> bool:
        return any(mark for mark, _ in self.tokens)

    @property
    def shows_more(self) -> bool:
        """Whether anything but the number's own digits is shown."""
        marks = [mark for mark, _ in self.tokens]
        texts = "".join(text for _, text in self.tokens)
        return bool(texts.strip()) or marks.count("0") > 1

    def show(self, digits: str) -> str:
        """Fill digits in from the right; the first place takes all that are left."""
        left = sum(mark in _DIGITS for mark, _ in self.tokens)
        written: list[str] = []
        for mark, text in reversed(self.tokens):
            if mark == _WHOLE:
                written.append(digits)
            elif mark:
                left -= 1
                digit = digits if left == 0 else digits[-1:]
                digits = digits[: -len(digit)] if digit else ""
                written.append(digit or {"0": "0", "?": " "}.get(mark, ""))
            else:
                written.append(text)
        return "".join(reversed(written)).strip()


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """What a cell's format makes of a whole number, and of a text."""

    _sections: tuple[_Section | None, ...]
    _text: _Section | None
    # "HL"000000, the usual one, takes no section apart for each cell.
    _usual: tuple[str, int, str] | None
    # As in 0.00" lakh": what is written behind a number, which counts in it.
    unit: str = ""

    @property
    def shows_texts(self) -> bool:
        return self._text is not None

    def show_number(self, digits: str) -> str:
        """Return what is shown for a whole number that is not negative; or "" ."""
        if self._usual:
            before, width, after = self._usual
            return f"{before}{digits.zfill(width)}{after}"
        section = self._section_of(int(digits))
        # Without a place for a digit nothing is shown of the number: it is hidden.
        return section.show(digits) if section and section.has_digits else ""

    def show_text(self, text: str) -> str:
        """Return what is shown for a text; "" where the format has no word on it."""
        return self._text.show(text) if self._text else ""

    def _section_of(self, number: int) -> _Section | None:
        sections = self._sections
        if any(section and section.condition for section in sections):
            return next((s for s in sections if s is None or s.holds_for(number)), None)
        if number == 0 and len(sections) > 2:
            return sections[2]
        return sections[0]


def parse_format(code: str) -> NumberFormat | None:
    """Return a format that shows whole numbers otherwise than digits; None for others.

    Also for those that are not understood.
    """
    if len(code) > LONGEST_FORMAT:
        return None
    split = _split(code)[:_MOST_SECTIONS]
    parsed = [_section(tokens) for tokens in split]
    unit = next(filter(None, map(_unit_of, split)), "")
    if "dr" in code.casefold() and unit.casefold() in ("cr", "crs"):
        unit = ""  # a credit's mark, beside the one of debits
    text = None
    if len(parsed) == _MOST_SECTIONS:
        text = parsed.pop()
    elif parsed[-1] and parsed[-1].has_text:
        text = parsed[-1] if len(parsed) == 1 else parsed.pop()
    text = text if text and text.has_text and text.shows_more else None
    numbers = tuple(parsed)
    shows_more = any(
        section and section.has_digits and section.shows_more for section in numbers
    )
    if not (text or shows_more or unit):
        return None
    return NumberFormat(numbers, text, _usual(numbers), unit)


def _split(code: str) -> list[list[re.Match[str]]]:
    sections: list[list[re.Match[str]]] = [[]]
    for token in _TOKEN.finditer(code):
        if token[0] == ";":
            sections.append([])
        else:
            sections[-1].append(token)
    return sections


def _section(found: list[re.Match[str]]) -> _Section | None:
    """Return a section of a format; None for what shows no digits as they are."""
    tokens: list[tuple[str, str]] = []
    condition = None
    has_text = False
    for token in found:
        quoted, escaped, bracketed, general, mark = token.groups()
        if bracketed is not None:
            if bracketed.startswith("$"):  # a currency's sign, and a language
                tokens.append(("", bracketed[1:].partition("-")[0]))
            elif given := _CONDITION.fullmatch(bracketed):
                if given[1] not in _COMPARISONS:
                    return None
                condition = (given[1], float(given[2]))
        elif general or mark == "@":
            has_text = has_text or mark == "@"
            tokens.append((_WHOLE, ""))
        elif mark and mark in _DIGITS:
            tokens.append((mark, ""))
        elif mark and not (mark in _LITERAL or not mark.isascii()):
            return None  # a point, a comma, a per cent sign, a slash, an E
        elif token[0][0] == "_":
            tokens.append(("", " "))
        elif token[0][0] != "*":
            text = quoted or escaped or mark or ""
            if text.strip() == ",":
                return None  # groups lakhs, as in ##\\,##\\,##0
            tokens.append(("", text))
    return _Section(tuple(tokens), condition, has_text)


def _unit_of(found: list[re.Match[str]]) -> str:
    """Return the unit that a section of a format writes behind digits; or "" ."""
    shown = "".join(
        "0"
        if general
        else (quoted or escaped or "").translate(_TEXT_DIGITS) or mark or ""
        for quoted, escaped, _, general, mark in map(re.Match.groups, found)
    )
    unit = _UNIT.search(shown)
    if unit is None or unit["scale"]:
        return ""
    return unicodedata.normalize("NFKC", unit["unit"])


def _usual(sections: tuple[_Section | None, ...]) -> tuple[str, int, str] | None:
    """Return what stands before zeros in a row, how many they are, what is behind."""
    if len(sections) != 1 or sections[0] is None or sections[0].condition:
        return None
    marks = "".join(mark or "x" for mark, _ in sections[0].tokens)
    zeros = marks.strip("x")
    if not zeros or zeros.strip("0"):
        return None
    before = len(marks) - len(marks.lstrip("x"))
    texts = [text for _, text in sections[0].tokens]
    return (
        "".join(texts[:before]).lstrip(),
        len(zeros),
        "".join(texts[before + len(zeros) :]).rstrip(),
    )
