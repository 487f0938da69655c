"""Finding entries by what staff have in hand: a phone, a loan number, a name.

Numbers from their beginning have indexes of the table; names, last digits and parts of
a loan number have the index of each upload (`customers.search_index`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from customers.entry_terms import (
    LOAN_PIECE,
    PHONE_DIGITS,
    TermRange,
    loan_part_terms,
    name_terms,
    phone_end_term,
)
from customers.models import Customer
from customers.search_index import uploads_not_indexed
from customers.term_lookup import Statement, entries_with
from tenants.models import Tenant
from tenants.search_terms import (
    FOLDED_IDENTIFIER,
    IDENTIFIER_MARKS,
    calling_codes_of,
    first_digits,
    fold_identifier,
    last_digits,
    search_term_of,
    typed_digits,
    words_of,
)

# Whoever finds more types more: a list of 80 pages helps nobody.
MOST_FOUND = 2_000
_MOST = MOST_FOUND + 1
# Where a condition or filters leave only some of what has the terms, as many are read.
_MOST_READ = 20_000
_MOST_FILTERED = 100_000
# So many phones stand for a search in other tables.
_MOST_PHONES = 1_000
# Fewer would mean every tenth entry and more, which takes long and helps nobody.
_FEWEST_LETTERS = 2
_FEWEST_OF_NUMBER = 3
TOO_SHORT = (
    "Nothing was searched for: type at least two letters of a name, or three digits or "
    "letters of a phone or loan number."
)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One thing that a text may mean: terms, and what is read of an `entry` itself.

    Without a condition an entry that has the terms is one; else it has to be read too.
    """

    terms: list[TermRange]
    condition: Statement | None = None


def matching(
    entries: QuerySet[Customer],
    text: str,
    *,
    tenants: Collection[Tenant],
    upload_id: int | None = None,
    is_narrowed: bool = False,
) -> QuerySet[Customer]:
    """Return those of `entries`, all of these tenants, that `text` means.

    Digits mean a phone from its beginning, however it is dialled, or from its end, or
    part of a loan number; other text with a digit in it part of a loan number, without
    regard to case and marks. Words mean the beginnings of words of a name. A text that
    `is_too_short` means nobody.

    With more than `MOST_FOUND` answers, some of them, of the newest files for terms;
    `is_narrowed` tells that filters leave only a part of what is found. The ids are
    looked up at once: a list asks for its rows and for their number.
    """
    text = search_term_of(text)
    if not text:
        return entries
    if is_too_short(text):
        return entries.none()
    tenant_ids = [tenant.pk for tenant in tenants]
    if upload_id is not None:
        entries = entries.filter(upload=upload_id)
    ids = entries.order_by().values_list("pk", flat=True)
    found: set[Any] = set()
    # One query for each index: an OR would read the whole table.
    for condition in _beginnings(text, tenants):
        found.update(ids.filter(condition)[:_MOST])
    for wanted in _wanted(text):
        found |= _ids_with(
            wanted,
            tenant_ids=tenant_ids,
            upload_id=upload_id,
            among=ids if is_narrowed else None,
        )
    return entries.filter(pk__in=RawSQL("SELECT unnest(%s::uuid[])", [list(found)]))


def find_phones(text: str, *, tenants: Collection[Tenant]) -> set[tuple[int, str]]:
    """Return (tenant, phone in E.164) of the entries that `text` means, some if many.

    For searches in other tables: both phones of an entry, as either may be the one from
    which somebody writes.
    """
    if not search_term_of(text):
        return set()
    entries = Customer.objects.filter(_of(tenants)).order_by()
    found = matching(entries, text, tenants=tenants)
    phones: set[tuple[int, str]] = set()
    for tenant_id, *both in found.values_list(
        "tenant_id", "primary_phone", "alternate_phone"
    ):
        if len(phones) >= _MOST_PHONES:
            break
        phones.update((tenant_id, phone) for phone in both if phone)
    return phones


def is_too_short(text: str) -> bool:
    """Return whether a text says too little to be searched for."""
    if digits := typed_digits(text):
        return len(digits) < _FEWEST_OF_NUMBER
    if any(len(word) >= _FEWEST_LETTERS for word in words_of(text)):
        return False
    folded = fold_identifier(text)
    return len(folded) < _FEWEST_OF_NUMBER or not _has_digit(folded)


def not_indexed_yet(
    *, tenants: Collection[Tenant], upload_id: int | None = None
) -> str:
    """Return a sentence about files whose entries are not all found yet; mostly ""."""
    waiting = uploads_not_indexed(tenant_ids=[tenant.pk for tenant in tenants])
    if upload_id is not None:
        waiting = waiting.filter(pk=upload_id)
    names = list(waiting.order_by("-pk").values_list("original_name", flat=True)[:4])
    if not names:
        return ""
    named = ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")
    return (
        f"Still being indexed: {named}. Names, last digits and parts of loan numbers "
        "in there may not be found before that is done; first digits are."
    )


def _wanted(text: str) -> list[_Wanted]:
    digits, folded, words = typed_digits(text), fold_identifier(text), words_of(text)
    wanted = [_phone_end(ends) for ends in last_digits(digits)] if digits else []
    may_be_loan = _has_digit(folded) or len(words) == 1
    if may_be_loan and len(folded) >= _FEWEST_OF_NUMBER:
        wanted.append(_loan(folded))
    if not digits and any(len(word) >= _FEWEST_LETTERS for word in words):
        wanted.append(_Wanted(name_terms(words)))
    return wanted


def _phone_end(digits: str) -> _Wanted:
    terms = [phone_end_term(digits)]
    if len(digits) <= PHONE_DIGITS:
        return _Wanted(terms)
    condition = "(entry.primary_phone LIKE %s OR entry.alternate_phone LIKE %s)"
    return _Wanted(terms, (condition, [f"%{digits}"] * 2))


def _loan(folded: str) -> _Wanted:
    terms = loan_part_terms(folded)
    if len(folded) <= LOAN_PIECE:
        return _Wanted(terms)
    loan_number = FOLDED_IDENTIFIER.format(column="entry.loan_number")
    condition = f"position(%s IN {loan_number}) > 0"
    return _Wanted(terms, (condition, [folded, IDENTIFIER_MARKS]))


def _ids_with(
    wanted: _Wanted,
    *,
    tenant_ids: Collection[int],
    upload_id: int | None,
    among: Any,
) -> set[Any]:
    """Return the ids of entries by the index of terms; with `among` only of those."""
    limits = [_MOST_READ if wanted.condition else _MOST]
    if among is not None:
        limits = [_MOST_READ, _MOST_FILTERED]
    found: set[Any] = set()
    for most in limits:
        statement, parameters = entries_with(
            wanted.terms,
            tenant_ids=tenant_ids,
            upload_id=upload_id,
            most=most,
            condition=wanted.condition or ("true", []),
        )
        if among is None:
            return _ids_of(statement, parameters)
        # No text of anybody's is part of the statement.
        having = RawSQL(statement, parameters)  # noqa: S611
        found = set(among.filter(pk__in=having)[:_MOST])
        if len(found) == _MOST:
            break
    return found


def _beginnings(text: str, tenants: Collection[Tenant]) -> list[Q]:
    """Return what asks the table's own indexes; they are of all uploads, at once."""
    # The index of loan numbers begins with the tenant: name them even to a superuser.
    loan = _begins("loan_number", text) & ~Q(loan_number="")
    codes = calling_codes_of({tenant.country for tenant in tenants})
    digits = typed_digits(text)
    return [
        loan & _of(tenants),
        *(
            _begins("primary_phone", f"+{first}")
            for first in (first_digits(digits, calling_codes=codes) if digits else ())
        ),
    ]


def _begins(field: str, text: str) -> Q:
    """Ask for a range instead of LIKE: the index serves it in any collation."""
    return Q(**{f"{field}__gte": text, f"{field}__lt": f"{text}\U0010ffff"})


def _of(tenants: Collection[Tenant]) -> Q:
    return Q(tenant__in=[tenant.pk for tenant in tenants])


def _has_digit(text: str) -> bool:
    return any(map(str.isdecimal, text))


def _ids_of(statement: str, parameters: list[Any]) -> set[Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"{statement} LIMIT {_MOST}", parameters)
        return {pk for (pk,) in cursor.fetchall()}
