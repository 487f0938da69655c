"""Which column of a customer file is what. Pure.

Headers are folded (case, spaces, punctuation) and looked up; an unknown column is kept
beside the customer, none is dropped unseen.
"""

import difflib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from uploads.national_ids import mask_national_ids

# No list of customers is wider; what is costs memory with each row.
MOST_COLUMNS = 1_000

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

# As lenders write them, the surest names of a field first: of two columns for one
# field the surer one is taken.
_ALIASES = {
    "full_name": """
        full name|customer name|borrower name|name|name of customer|name of borrower
        |applicant name|client name|member name|customer|borrower|account holder name
        |cust name|नाम|ग्राहक का नाम|पूरा नाम|ग्राहक नाम""",
    "primary_phone": """
        primary phone|primary mobile|mobile|mobile no|mobile number|mob no|mob
        |mob number|cell|cell no|cell number|whatsapp|whatsapp no|whatsapp number|phone
        |phone no|phone number|customer mobile|customer phone|customer mobile no
        |borrower mobile
        |registered mobile|registered mobile no|mobile 1|phone 1|contact no
        |contact number|contact|ph no|tel|telephone|मोबाइल|मोबाइल नंबर|मोबाइल नम्बर
        |मोबाइल न|फोन|फ़ोन|फोन नंबर|फ़ोन नंबर""",
    "alternate_phone": """
        alternate phone|alternate mobile|alternate mobile no|alternate mobile number
        |alternate number|alternate no|alternate contact|alternate contact no
        |alternate phone number|alt mobile|alt phone|alt no|alt mob no|alt mobile no
        |alternative phone|alternative mobile|alternative number|secondary phone
        |secondary mobile|mobile 2|mobile no 2|phone 2|phone no 2|other phone
        |वैकल्पिक मोबाइल|वैकल्पिक नंबर|दूसरा मोबाइल""",
    "national_id": """
        national id|aadhaar|aadhar|adhar|aadhaar no|aadhar no|aadhaar number
        |aadhar number|adhaar|adhaar no|aadhaar card no|aadhar card no|uid|uidai
        |national id number|आधार|आधार नंबर|आधार संख्या|pan|pan no|pan number|pan card
        |pan card no|पैन""",
    "email": "email|e mail|email id|email address|mail id|mail|e mail id|ईमेल|ई मेल",
    "language": "language|preferred language|lang|mother tongue|भाषा",
    "state": "state|state name|customer state|राज्य|region|zone|branch|branch name",
    "loan_number": """
        loan number|loan no|loan account|loan account no|loan account number|loan ac no
        |loan a c no|lan|lan no|loan id|agreement no|agreement number|agreement id
        |agreement|contract no|contract number|account number|account no|acc no|a c no
        |app id|application id|application no|लोन नंबर|ऋण संख्या|ऋण खाता संख्या""",
    "loan_amount": """
        loan amount|loan amt|disbursed amount|disbursed|disbursed amt|disbursal amount
        |disbursement amount|sanctioned amount|sanction amount|sanctioned amt
        |amount financed|finance amount|principal amount|amount|ऋण राशि|लोन राशि""",
    "outstanding_amount": """
        outstanding amount|outstanding|total outstanding|outstanding amt|tos|os amt
        |o s amt|o s amount|os amount|o s|os|balance|balance amount|outstanding balance
        |total due|total dues|amount due|overdue amount|due amount|pos
        |principal outstanding|बकाया|बकाया राशि|कुल बकाया""",
    "emi_amount": """
        emi amount|emi|emi amt|instalment|installment|instalment amount
        |installment amount|monthly instalment|monthly installment|monthly emi|किस्त
        |किश्त|किस्त राशि|ईएमआई""",
    "due_date": """
        due date|emi due date|next due date|next due|next emi date|instalment due date
        |installment due date|payment due date|fdd|first due date|due on|due dt
        |देय तिथि|नियत तिथि""",
    "days_past_due": """
        days past due|dpd|overdue days|days overdue|no of days overdue|current dpd
        |dpd days|bucket|विलंब दिन""",
    "last_contact_date": """
        last contact date|last contact|last contacted|last contacted on
        |last contacted date|last call date|last repayment date|last payment date
        |last paid date|last paid on|अंतिम संपर्क तिथि""",
    "as_of_date": """
        as of date|as of|as on|as on date|report date|data as on|statement date""",
}  # fmt: skip


def fold(header: str) -> str:
    """Return the header as it is compared: letters and digits of any script."""
    plain = unicodedata.normalize("NFKC", header).casefold()
    return "".join(mark for mark in plain if unicodedata.category(mark)[0] in "LMN")


_BY_ALIAS: dict[str, tuple[str, int]] = {}
for _field, _names in _ALIASES.items():
    for _rank, _name in enumerate(_names.split("|")):
        _BY_ALIAS[fold(_name)] = (_field, _rank)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What each column of a header was taken for."""

    fields: dict[str, int]  # field → place
    extra: dict[int, str]  # place → key under which the cell is kept
    # Also a national id, besides the one taken: kept, but never whole.
    secret: frozenset[int]
    helpers: frozenset[int]
    missing: tuple[str, ...]
    # (field, header taken, header kept as extra): to be asked about
    doubled: tuple[tuple[str, str, str], ...]
    # (header, field it looks like): a guess, shown and not acted on
    guesses: tuple[tuple[str, str], ...]
    width: int  # cells up to the last column with a header


def known_fields(headers: Sequence[str]) -> set[str]:
    """Return the fields that these headers name, to tell a header from a title."""
    return {
        _BY_ALIAS[folded][0] for folded in map(fold, headers) if folded in _BY_ALIAS
    }


def is_helper(header: str) -> bool:
    """Tell whether a column is what a rejected-rows file has besides the customer's."""
    return header.strip().lower() in HELPERS


def aliases(field: str) -> list[str]:
    """Return the headers that surely mean a field, the surest first."""
    return [" ".join(name.split()) for name in _ALIASES[field].split("|")]


def match_columns(
    headers: Sequence[str], meanings: Mapping[int, str] | None = None
) -> Columns:
    """Say what each column is; the reader of the file decides what that means.

    `meanings`, field by place, is what somebody decided: it stands above the names.
    """
    candidates: dict[str, list[tuple[int, int]]] = {}
    helpers = set()
    for place, header in enumerate(headers):
        if is_helper(header):
            helpers.add(place)
        elif found := _BY_ALIAS.get(fold(header)):
            field, rank = found
            candidates.setdefault(field, []).append((rank, place))
    fields = {field: min(ranked)[1] for field, ranked in candidates.items()}
    doubled: list[tuple[str, str, str]] = []
    if meanings is None:
        for field, ranked in candidates.items():
            (_, taken), *others = sorted(ranked)
            doubled += [(field, headers[taken], headers[place]) for _, place in others]
    else:
        fields = {
            field: place
            for place, field in meanings.items()
            if field in LABELS and place < len(headers) and place not in helpers
        }
    extra = _extra_keys(headers, taken=helpers | set(fields.values()))
    named = [place for place, header in enumerate(headers) if header.strip()]
    guesses = () if meanings is not None else _guesses(headers, extra, set(fields))
    return Columns(
        fields=fields,
        extra=extra,
        secret=frozenset(
            place for _, place in candidates.get("national_id", []) if place in extra
        ),
        helpers=frozenset(helpers),
        missing=tuple(field for field in REQUIRED if field not in fields),
        doubled=tuple(doubled),
        guesses=guesses,
        width=max(named, default=-1) + 1,
    )


def propose_meanings(headers: Sequence[str]) -> dict[int, str]:
    """Return, field by place, what the columns may be: sure names, then guesses.

    For somebody who looks at it before a row is written.
    """
    columns = match_columns(headers)
    meanings = {place: field for field, place in columns.fields.items()}
    for header, field in columns.guesses:
        if field not in meanings.values():
            place = next(p for p in columns.extra if headers[p].strip() == header)
            meanings[place] = field
    return meanings


def nearest_header(field: str, headers: Sequence[str]) -> str | None:
    """Return the header most like one of the names of a missing field."""
    aliases = [alias for alias, (named, _) in _BY_ALIAS.items() if named == field]
    best, best_ratio = None, 0.5
    for header in headers:
        folded = fold(header)
        if not folded or folded in _BY_ALIAS:
            continue
        for alias in aliases:
            ratio = difflib.SequenceMatcher(None, folded, alias).ratio()
            if ratio > best_ratio:
                best, best_ratio = header.strip(), ratio
    return best


def letter(place: int) -> str:
    """Return a column's letter as a spreadsheet shows it, counting from 0."""
    name = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _extra_keys(headers: Sequence[str], *, taken: set[int]) -> dict[int, str]:
    """Name the columns that are kept as they are; blank and doubled ones by letter."""
    keys = {
        place: mask_national_ids(" ".join(header.split())[:200])
        for place, header in enumerate(headers)
        if place not in taken
    }
    seen: set[str] = set()
    for place, key in keys.items():
        if not key:
            keys[place] = f"column {letter(place)}"
        elif key in seen:
            keys[place] = f"{key} ({letter(place)})"
        seen.add(keys[place])
    return keys


def _guesses(
    headers: Sequence[str], extra: Mapping[int, str], found: set[str]
) -> tuple[tuple[str, str], ...]:
    guesses = []
    # A sheet of hundreds of columns is not searched for typing errors.
    for header in [headers[place] for place in extra][:50]:
        close = difflib.get_close_matches(fold(header), _BY_ALIAS, n=1, cutoff=0.82)
        if close and (field := _BY_ALIAS[close[0]][0]) not in found:
            guesses.append((header.strip(), field))
    return tuple(guesses)
