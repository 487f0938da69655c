"""Which columns hold the country codes of phones, and which somebody turned off. Pure.

`meanings`, field by place, is what somebody decided, as in `uploads.columns`.
"""

from collections.abc import Mapping, Sequence

from uploads.columns import KEPT, match_columns, told_apart
from uploads.country_codes import code_places

PHONE_FIELDS = ("primary_phone", "alternate_phone")

Meanings = Mapping[int, str] | None


def find_codes(headers: Sequence[str], meanings: Meanings) -> dict[str, int]:
    """Return, by phone field, the place of the column with its country code."""
    columns = match_columns(headers, meanings)
    kept = kept_places(meanings)
    # Only where nobody took the column for something else.
    free = [
        header if place in columns.extra and place not in kept else ""
        for place, header in enumerate(headers)
    ]
    phones = {n: p for n, p in columns.fields.items() if n in PHONE_FIELDS}
    return code_places(free, phones)


def kept_places(meanings: Meanings) -> set[int]:
    """Return the columns that somebody wants kept as they are, and no more."""
    return {place for place, name in (meanings or {}).items() if name == KEPT}


def phones_by_code(headers: Sequence[str], meanings: Meanings) -> dict[int, str]:
    """Return, by place of a country code, what the phones are called that it is of."""
    fields = match_columns(headers, meanings).fields
    codes = find_codes(headers, meanings)
    return {
        place: " and ".join(
            f"\u201c{told_apart(headers, fields[name])}\u201d"
            for name in PHONE_FIELDS
            if codes.get(name) == place
        )
        for place in sorted(set(codes.values()))
    }


def code_columns(headers: Sequence[str], meanings: Meanings) -> dict[int, str]:
    """Return the columns of `phones_by_code`, and those that somebody turned off."""
    on = meanings and {p: name for p, name in meanings.items() if name != KEPT}
    return phones_by_code(headers, on) | phones_by_code(headers, meanings)


def code_notices(headers: Sequence[str], meanings: Meanings) -> list[str]:
    """Return what is to be said about country codes in columns of their own."""
    return [
        f"\u201c{told_apart(headers, place)}\u201d is read as the country code of "
        f"{phones}."
        for place, phones in phones_by_code(headers, meanings).items()
    ]
