"""Which column of a customer file is what. Pure.

Headers are looked up by their names (`header_names`); an unknown column is kept beside
the customer, none is dropped unseen.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from uploads.header_names import (
    BY_NAME,
    LONGEST_HEADER,
    find_field,
    fold,
    names_other_money,
    speaks_of_ids,
)
from uploads.name_headers import NAME_PARTS, told_by_name
from uploads.national_ids import (
    mask_as_national_id,
    mask_likely_ids,
    mask_national_ids,
)
from uploads.units import is_plain

# No list of customers is wider; what is costs memory with each row.
MOST_COLUMNS = 1_000
# A sheet of hundreds of columns is not searched for typing errors.
_MOST_COMPARED = 50

REQUIRED = ("full_name", "primary_phone")
# What a rejected-rows file has besides the customer's own columns.
HELPERS = frozenset({"_line", "_error"})

LABELS = {
    "full_name": "name",
    "primary_phone": "phone",
    "alternate_phone": "alternate phone",
    "national_id": "national id",
    "email": "e-mail",
    "language": "language",
    "state": "state",
    "loan_number": "loan number",
    "loan_amount": "loan amount",
    "outstanding_amount": "outstanding amount",
    "emi_amount": "EMI",
    "due_date": "due date",
    "days_past_due": "days past due",
    "last_contact_date": "last contact date",
    "as_of_date": "as-of date",
}
# What a column may be: a field, or a part of one.
MEANINGS = {"full_name": LABELS["full_name"], **NAME_PARTS, **LABELS}
# Of a column whose header says what it is: it is kept as it is all the same.
KEPT = "kept"
# A header that is only like a first name may be a father's or a firm's.
_GUESSED = {
    alias: field for alias, (field, _) in BY_NAME.items() if field not in NAME_PARTS
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What each column of a header was taken for."""

    fields: dict[str, int]  # field, or part of a name → place
    extra: dict[int, str]  # place → key under which the cell is kept
    # Also a national id, besides the one taken: kept, but never whole.
    secret: frozenset[int]
    # A national id, and more: a guarantor's, or whether it was seen.
    about_ids: frozenset[int]
    helpers: frozenset[int]
    missing: tuple[str, ...]
    # (field, place taken, place kept as extra): to be asked about
    doubled: tuple[tuple[str, int, int], ...]
    # (header, field it looks like): a guess, shown and not acted on
    guesses: tuple[tuple[str, str], ...]
    width: int  # cells up to the last column with a header

    def masks(self) -> dict[int, Callable[[str], str]]:
        """Return, by place, how the cells of unmapped columns are kept."""
        return {
            **dict.fromkeys(self.about_ids, mask_likely_ids),
            **dict.fromkeys(self.secret, mask_as_national_id),
        }


def is_helper(header: str) -> bool:
    """Tell whether a column is what a rejected-rows file has besides the customer's."""
    return header.strip().lower() in HELPERS


def match_columns(
    headers: Sequence[str],
    meanings: Mapping[int, str] | None = None,
    *,
    amounts_are_sure: bool = True,
) -> Columns:
    """Say what each column is; the reader of the file decides what that means.

    `meanings`, field by place, is what somebody decided: it stands above the names.
    Amounts are not sure below a title that names a unit.
    """
    candidates: dict[str, list[tuple[int, int]]] = {}
    helpers = set()
    for place, header in enumerate(headers):
        if is_helper(header):
            helpers.add(place)
        elif found := find_field(header):
            field, rank = found
            if amounts_are_sure or not _is_amount(field):
                candidates.setdefault(field, []).append((rank, place))
    doubled: list[tuple[str, int, int]] = []
    if meanings is None:
        named_alone = told_by_name(candidates, headers)
        fields = {field: min(ranked)[1] for field, ranked in named_alone.items()}
        for field, ranked in named_alone.items():
            (_, taken), *others = sorted(ranked)
            doubled += [(field, taken, place) for _, place in others]
    else:
        fields = {
            field: place
            for place, field in meanings.items()
            if field in MEANINGS and place < len(headers) and place not in helpers
        }
    extra = _extra_keys(headers, taken=helpers | set(fields.values()))
    named = [place for place, header in enumerate(headers) if header.strip()]
    has_name = not fields.keys().isdisjoint(("full_name", "first_name"))
    found_fields = {*fields, *(["full_name"] if has_name else [])}
    guesses: tuple[tuple[str, str], ...] = ()
    if meanings is None:
        unsure = () if amounts_are_sure else filter(_is_amount, LABELS)
        guesses = _guesses(headers, extra, found_fields.union(unsure))
    return Columns(
        fields=fields,
        extra=extra,
        secret=frozenset(
            place for _, place in candidates.get("national_id", []) if place in extra
        ),
        about_ids=frozenset(place for place in extra if speaks_of_ids(headers[place])),
        helpers=frozenset(helpers),
        missing=tuple(field for field in REQUIRED if field not in found_fields),
        doubled=tuple(doubled),
        guesses=guesses,
        width=max(named, default=-1) + 1,
    )


def propose_meanings(
    headers: Sequence[str], *, amounts_are_sure: bool = True
) -> dict[int, str]:
    """Return, field by place, what the columns may be: sure names, then guesses.

    For somebody who looks at it before a row is written.
    """
    columns = match_columns(headers, amounts_are_sure=amounts_are_sure)
    meanings = {place: field for field, place in columns.fields.items()}
    for header, field in columns.guesses:
        if field not in meanings.values():
            place = next(p for p in columns.extra if headers[p].strip() == header)
            meanings[place] = field
    return meanings


def nearest_header(field: str, headers: Sequence[str]) -> str | None:
    """Return the header most like one of the names of a missing field."""
    wanted = {field, *(["first_name"] if field == "full_name" else [])}
    aliases = [alias for alias, (named, _) in BY_NAME.items() if named in wanted]
    best, best_ratio = None, 0.5
    unknown = [
        header
        for header in headers
        if header.strip() and len(header) <= LONGEST_HEADER and not find_field(header)
    ]
    for header in unknown[:_MOST_COMPARED]:
        folded = fold(header)
        for alias in aliases:
            matcher = difflib.SequenceMatcher(None, folded, alias)
            # The first two are quick, and never less than the last.
            if (
                matcher.real_quick_ratio() > best_ratio
                and matcher.quick_ratio() > best_ratio
                and (ratio := matcher.ratio()) > best_ratio
            ):
                best, best_ratio = header.strip(), ratio
    return best


def told_apart(headers: Sequence[str], place: int) -> str:
    """Return what a person may call a column: its header, its letter, or both."""
    header = headers[place]
    if not header:
        return f"column {letter(place)}"
    is_cut = len(header) > LONGEST_HEADER
    shown = f"{header[: LONGEST_HEADER - 1]}…" if is_cut else header
    if is_cut or headers.count(header) > 1:
        return f"{shown} ({letter(place)})"
    return shown


def letter(place: int) -> str:
    """Return a column's letter as a spreadsheet shows it, counting from 0."""
    name = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _extra_keys(headers: Sequence[str], *, taken: set[int]) -> dict[int, str]:
    """Name the columns that are kept as they are, each otherwise than all before it.

    Blank and doubled ones by their letter.
    """
    keys = {
        place: mask_national_ids(" ".join(header.split())[:LONGEST_HEADER])
        for place, header in enumerate(headers)
        if place not in taken
    }
    seen: set[str] = set()
    for place, key in keys.items():
        key = key or f"column {letter(place)}"
        while key in seen:  # a header may read like what another one is called
            key = f"{key} ({letter(place)})"
        keys[place] = key
        seen.add(key)
    return keys


def _is_amount(field: str) -> bool:
    return field.endswith("_amount")


def _is_no_rupees(header: str) -> bool:
    """Tell whether a header says that its amounts are not in rupees."""
    return not is_plain(header) or names_other_money(header)


def _guesses(
    headers: Sequence[str], extra: Mapping[int, str], found: set[str]
) -> tuple[tuple[str, str], ...]:
    guesses = []
    for header in [headers[place] for place in extra][:_MOST_COMPARED]:
        if len(header) > LONGEST_HEADER or _is_no_rupees(header):
            continue
        close = difflib.get_close_matches(fold(header), _GUESSED, n=1, cutoff=0.82)
        if close and (field := _GUESSED[close[0]]) not in found:
            guesses.append((header.strip(), field))
    return tuple(guesses)
