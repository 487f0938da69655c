"""Finding entries by what staff have in hand: a phone, a loan number, a name."""

import re
from collections.abc import Collection
from functools import reduce
from operator import and_
from typing import Any

from django.db.models import Q, QuerySet

from customers.models import Customer
from tenants.models import Tenant
from tenants.paginator import CEILING
from tenants.search_terms import search_term_of

# A name is looked for in the first so many lines of a file, and in the newest files:
# an index of words would cost every load a quarter of its speed and more (measured with
# COPY), and this many lines are read in 70 ms.
NAMES_READ = 50_000

# One more than a list has pages for.
_MOST = CEILING + 1
_MOST_UPLOADS = 200
_NUMBER = re.compile(r"\+?[\d\s().\-]+")
_INDIA = "+91"


def matching(
    entries: QuerySet[Customer], text: str, *, uploads: Collection[int]
) -> QuerySet[Customer]:
    """Return those of `entries` that `text` means.

    Digits mean the beginning of a phone, with or without its country, or of a loan
    number; other text with a digit in it the beginning of a loan number. Words may be
    parts of a name as well, which is looked for in the first lines of `uploads`.
    """
    text = search_term_of(text)
    if not text:
        return entries
    ids = entries.order_by().values("pk")
    # One arm for each index, joined by UNION: an OR would read the whole table.
    # The index of loan numbers begins with the tenant: name them even to a superuser.
    loans = ids.filter(_begins("loan_number", text), tenant__in=Tenant.objects.all())
    arms = [loans.exclude(loan_number="")]
    if _NUMBER.fullmatch(text) and (digits := re.sub(r"\D", "", text)):
        arms += [
            ids.filter(_begins("primary_phone", f"+{digits}")),
            ids.filter(_begins("primary_phone", f"{_INDIA}{digits.lstrip('0')}")),
        ]
    elif not any(map(str.isdigit, text)):
        named = reduce(and_, (Q(full_name__icontains=word) for word in text.split()))
        arms.append(ids.filter(named, upload__in=uploads, row_number__lte=NAMES_READ))
    first, *others = [arm[:_MOST] for arm in arms]
    found: Any = first.union(*others)
    return entries.filter(pk__in=found)


def _begins(field: str, text: str) -> Q:
    """Ask for a range instead of LIKE: the index serves it in any collation."""
    return Q(**{f"{field}__gte": text, f"{field}__lt": f"{text}\U0010ffff"})


def newest_uploads(uploads: QuerySet[Any]) -> list[int]:
    """Return the newest of `uploads` in which names are looked for at a time."""
    newest: list[int] = []
    lines = 0
    loaded = uploads.filter(succeeded_rows__gt=0).order_by("-pk")
    for pk, rows in loaded.values_list("pk", "succeeded_rows")[:_MOST_UPLOADS]:
        newest.append(pk)
        lines += min(rows, NAMES_READ)
        if lines >= NAMES_READ // 2:
            break
    return newest
