"""Which columns make up a name: whole, or first, middle and last name. Pure."""

import re
from collections.abc import Mapping, Sequence

from uploads.header_names import fold

# In the order of names, wherever their columns stand.
NAME_PARTS = {
    "first_name": "first name",
    "middle_name": "middle name",
    "last_name": "last name",
}
_ORDER = ("full_name", *NAME_PARTS)
# Beside a first name they are likelier a number of the customer than the whole name.
_BARE = frozenset(["customer", "borrower", "applicant"])
# Beside a whole name F is the father and M the mother, as in "F Name".
_MAYBE_PARENT = re.compile(r"[fm]name\Z")

# field → (rank, place) of the columns that may be it
Candidates = dict[str, list[tuple[int, int]]]


def told_by_name(candidates: Candidates, headers: Sequence[str]) -> Candidates:
    """Return the candidates without those names and parts of names that others make up.

    A whole name needs no first name beside it; a last name may be missing in it.
    """
    found = dict(candidates)
    if "full_name" in found and "first_name" in found:
        whole = [c for c in found["full_name"] if fold(headers[c[1]]) not in _BARE]
        found["full_name"] = whole
    if found.get("full_name"):
        for name in NAME_PARTS:
            found[name] = [
                (rank, place)
                for rank, place in found.get(name, [])
                if not _MAYBE_PARENT.search(fold(headers[place]))
            ]
        if found["first_name"]:
            found |= {name: [] for name in NAME_PARTS}
        elif not found["last_name"]:
            found["middle_name"] = []
    return {name: several for name, several in found.items() if several}


def name_columns(fields: Mapping[str, int]) -> list[str]:
    """Return the fields that make up the name, in order; none where one is all."""
    if fields.keys().isdisjoint(NAME_PARTS):
        return []
    return [name for name in _ORDER if name in fields]
