"""Country codes in a column of their own, beside the phones they belong to. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence

import phonenumbers

from uploads.header_names import fold
from uploads.null_values import NULL_VALUES
from uploads.refusals import Refused

_NAMES = frozenset(
    f"{before}{name}{after}"
    for name in (
        "countrycode", "isd", "isdcode", "dialcode", "dialingcode", "diallingcode",
        "callingcode", "countrydialcode", "countrydialingcode", "countrycallingcode",
        "phonecode", "mobilecode",
    )
    for before in (
        "", "phone", "mobile", "alternate", "alternatephone", "alternatemobile", "alt",
        "altphone", "altmobile", "secondary", "other",
    )
    for after in ("", "1", "2", "no", "number")
)  # fmt: skip
_OF_ALTERNATE = re.compile(r"\A(?:alt|secondary|other)|2\Z")
_DIGITS = re.compile(r"\A(?:\+|00)?\s?([1-9][0-9]{0,2})(?:\.0+)?")
_IN_WORDS = re.compile(r"\A[^\d+]{0,60}\+\s?([1-9][0-9]{0,2})[^\d+]{0,60}")
_NO_COUNTRY = ("ZZ", "001")

_UNKNOWN = Refused(
    "phone_country_code_unknown",
    "The country code beside this phone is none: write it as 91, +91 or IN.",
)
_CONTRADICTS = Refused(
    "phone_country_code_differs",
    "This phone is written with another country code than the one beside it.",
)


def code_places(headers: Sequence[str], phones: Mapping[str, int]) -> dict[str, int]:
    """Return, by phone field, the place of the column that has its country code.

    `phones` has the places of the fields. A column alone speaks for both phones.
    """
    free = [
        place
        for place, header in enumerate(headers)
        if place not in phones.values() and fold(header) in _NAMES
    ]
    found: dict[str, int] = {}
    for place in free:
        if _OF_ALTERNATE.search(fold(headers[place])):
            found.setdefault("alternate_phone", place)
    others = [place for place in free if place not in found.values()]
    for name in sorted(phones, key=phones.__getitem__):
        before = [place for place in others if place < phones[name]]
        if name not in found and others:
            found[name] = max(before, default=others[0])
    return {name: place for name, place in found.items() if name in phones}


def read_country(text: str) -> tuple[str, str] | None:
    """Return what the code beside a phone says: its digits, and a country with it."""
    plain = text.strip().strip("'()").strip()
    if written := _DIGITS.fullmatch(plain) or _IN_WORDS.fullmatch(plain):
        country = phonenumbers.region_code_for_country_code(int(written[1]))
        return None if country in _NO_COUNTRY else (written[1], country)
    country = "IN" if plain.casefold() in ("india", "ind") else plain.upper()
    code = phonenumbers.country_code_for_region(country) if len(country) == 2 else 0
    return (str(code), country) if code else None


def with_codes(
    phones: Sequence[str],
    codes: Sequence[str],
    values: Sequence[str | Refused],
    *,
    region: str,
    read_in: Callable[[str, str], str | Refused],
) -> list[str | Refused]:
    """Return the phones of a column as the codes beside them say.

    `values` are the phones read in `region`, without the codes; `read_in` reads one in
    another country.
    """
    known = {
        code: None if code.strip() in NULL_VALUES else read_country(code)
        for code in set(codes)
        if code.strip()
    }
    result = list(values)
    own = str(phonenumbers.country_code_for_region(region))
    for index, (phone, code) in enumerate(zip(phones, codes, strict=True)):
        text = code.strip()
        if not text or text in NULL_VALUES or not any(map(str.isdigit, phone)):
            continue
        country = known[code]
        is_whole = phone.strip().lstrip("'(").startswith(("+", "00"))
        if country is None:
            if not is_whole:
                result[index] = _UNKNOWN
            continue
        value = result[index]
        if country[0] != own and not is_whole:
            value = read_in(phone, country[1])
        if isinstance(value, str) and not value.startswith(f"+{country[0]}"):
            value = _CONTRADICTS
        result[index] = value
    return result
