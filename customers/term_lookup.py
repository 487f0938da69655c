"""Asking the index of terms for entries."""

from collections.abc import Collection, Sequence
from typing import Any

from django.db import connection

from customers.entry_terms import TermRange

# Of what begins some words, all is compared up to so many lines of each word, and then
# the newest: half a second's work.
_MOST_COMMON = 1_000_000
# Of terms that have to be there whole, the rarest is enough, as entries are read; if it
# is common, the next as well, unless that is too common to leave out many.
_FEW = 1_000
_MANY = 20_000

_OF_TERM = """
    SELECT upload_id, unnest(row_numbers) AS row_number FROM (
        SELECT upload_id, row_numbers FROM customer_search_terms
        WHERE tenant_id = ANY(%s) AND term >= %s AND term < %s
            AND (%s::bigint IS NULL OR upload_id = %s)
        ORDER BY upload_id DESC
    ) AS of_term
"""
# OFFSET 0: one look into the index for each line; the planner, who cannot know how many
# lines there will be, would rather read the whole table.
_ENTRIES = """
    SELECT entry.id FROM (
        SELECT upload_id, row_number FROM ({lines}) AS line
        ORDER BY upload_id DESC LIMIT %s
    ) AS line
    CROSS JOIN LATERAL (
        SELECT * FROM customers
        WHERE upload_id = line.upload_id AND row_number = line.row_number
            AND tenant_id = ANY(%s)
        OFFSET 0
    ) AS entry
    WHERE {condition}
"""
_COUNT_WHOLE = """
    SELECT term, sum(row_count) FROM customer_search_terms
    WHERE tenant_id = ANY(%s) AND term = ANY(%s)
        AND (%s::bigint IS NULL OR upload_id = %s)
    GROUP BY term
"""
_COUNT_RANGE = """
    SELECT coalesce(sum(row_count), 0) FROM customer_search_terms
    WHERE tenant_id = ANY(%s) AND term >= %s AND term < %s
        AND (%s::bigint IS NULL OR upload_id = %s)
"""

Statement = tuple[str, list[Any]]


def entries_with(
    terms: Sequence[TermRange],
    *,
    tenant_ids: Collection[int],
    upload_id: int | None,
    most: int,
    condition: Statement = ("true", []),
) -> Statement:
    """Return a query for the ids of `entry`s with all the terms that meet a condition.

    At most so many with the terms are looked at, of the newest uploads. Of several
    whole terms only the rarest count: their condition has to say the rest.
    """
    of = (list(tenant_ids), upload_id)
    counts = _counts(terms, *of) if len(terms) > 1 else [0]
    rarest_first = sorted(zip(counts, terms, strict=True), key=lambda one: one[0])
    if all(term.whole for term in terms):
        (rarest, _), *others = rarest_first
        is_worth = rarest > _FEW and others and others[0][0] <= _MANY
        rarest_first = rarest_first[: 2 if is_worth else 1]
    one_term = f"({_OF_TERM})"
    if rarest_first[0][0] > _MOST_COMMON:
        one_term = f"({_OF_TERM} LIMIT {_MOST_COMMON})"
    lines = " INTERSECT ".join(one_term for _ in rarest_first)
    statement, values = condition
    parameters = [
        *(value for _, term in rarest_first for value in _parameters(term, *of)),
        *(most, list(tenant_ids)),
        *values,
    ]
    return _ENTRIES.format(lines=lines, condition=statement), parameters


def _counts(
    terms: Sequence[TermRange], tenant_ids: list[int], upload_id: int | None
) -> list[int]:
    """Return how many lines have each of some terms."""
    with connection.cursor() as cursor:
        whole = [term.term for term in terms if term.whole]
        cursor.execute(_COUNT_WHOLE, [tenant_ids, whole, upload_id, upload_id])
        known = dict(cursor.fetchall())
        for term in terms:
            if not term.whole:
                parameters = _parameters(term, tenant_ids, upload_id)
                cursor.execute(_COUNT_RANGE, parameters)
                (known[term.term],) = cursor.fetchone()
    return [int(known.get(term.term, 0)) for term in terms]


def _parameters(
    term: TermRange, tenant_ids: list[int], upload_id: int | None
) -> list[Any]:
    """Return the parameters of `_OF_TERM`: from the first term to the one behind."""
    behind = f"{term.term}\x01" if term.whole else f"{term.term}\U0010ffff"
    return [tenant_ids, term.term, behind, upload_id, upload_id]
