"""Parameters of the API's addresses, by type: what is none is a 400 in words."""

import difflib
import re
from collections.abc import Collection
from datetime import UTC, datetime

from django.http import QueryDict
from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import ParseError

from tenants.row_ids import row_id_of

# A plus that was typed into the address arrives as a space.
_SPACE_FOR_PLUS = re.compile(r" (?=[0-9]{2}:?[0-9]{2}\Z)")
_MOST_DIGITS = 18
_LONGEST_NAME = 40


def check_parameters(given: QueryDict, known: Collection[str]) -> None:
    """Refuse parameters that are not known, are blank, or stand more than once.

    Raises ParseError. Whoever asks for one phone shall not get everybody because its
    name was misspelt or its value was lost.
    """
    possible = ", ".join(known) or "none"
    for name, values in given.lists():
        if name not in known:
            near = difflib.get_close_matches(name[:_LONGEST_NAME].lower(), known, 1)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise ParseError(
                f"{shown_name(name)}: no parameter of this address.{meant} "
                f"Possible: {possible}."
            )
        if len(values) > 1:
            raise ParseError(f"{name}: given {len(values)} times; once is possible.")
        if not values[0].strip():
            raise ParseError(f"{name}: is empty. Fill it in, or leave it out.")


def shown_name(name: str) -> str:
    """Return a name that a program sent, fit for the answer that refuses it."""
    shown = "".join(one if one.isprintable() else "\ufffd" for one in name)
    if len(shown) > _LONGEST_NAME:
        shown = f"{shown[:_LONGEST_NAME]}…"
    return shown or "(no name)"


def text_parameter(text: str) -> str:
    """Return a text as PostgreSQL can look for it: none of its own holds a NUL."""
    return text.replace("\0", "\ufffd")


def count_parameter(name: str, text: str, *, most: int) -> int:
    """Return a number from 1 on; raises ParseError for what is none.

    More than `most` is `most`: who asks for more gets the most there is.
    """
    if not (text.isascii() and text.isdecimal() and text.strip("0")):
        raise ParseError(f"{name}: a number from 1 to {most}.")
    digits = text.lstrip("0")
    return most if len(digits) > _MOST_DIGITS else min(int(digits), most)


def row_id_parameter(name: str, text: str, *, what: str) -> int | None:
    """Return the id that was written, None if no row can have it.

    Raises ParseError for what is no number; `what` says which one it should be.
    """
    if not (text.isascii() and text.isdecimal()):
        raise ParseError(f"{name}: {what}.")
    return row_id_of(text)


def moment_parameter(name: str, text: str) -> datetime:
    """Return a moment in UTC; raises ParseError for what is none."""
    try:
        return moment_of(text)
    except ValueError as exc:
        raise ParseError(f"{name}: write it as 2026-11-22T09:00:00Z.") from exc


def moment_of(text: str) -> datetime:
    """Return the moment of an ISO 8601 text with an offset, in UTC.

    Raises ValueError for any other text, and for moments before the year 1 or after
    the year 9999 in UTC, which an offset leads to.
    """
    moment = parse_datetime(_SPACE_FOR_PLUS.sub("+", text))
    if moment is None or moment.tzinfo is None:
        raise ValueError("no time with an offset")
    try:
        return moment.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError("no time of any calendar") from exc
