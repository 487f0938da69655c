"""What one file says differently from an earlier one of the same tenant."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from customers.changes import Change, change_between
from customers.models import ComparedGroup, Comparison, Customer
from tenants.models import Tenant

_READ_AT_ONCE = 1000

# A loan is known by its number; without one, by the phone, among entries without one.
# Of several lines of a file that mean the same loan, the last counts. Compared byte by
# byte: faster than in any language's order, and nothing is shown in it. The verdicts
# are those of `customers.changes.change_between`.
_GROUPS = """
WITH loans AS (
    SELECT DISTINCT ON (upload_id, loan, phone)
        upload_id, row_number, outstanding_amount AS owed, days_past_due AS late,
        (CASE WHEN %(by_phone)s THEN '' ELSE loan_number END) COLLATE "C" AS loan,
        (CASE WHEN %(by_phone)s OR loan_number = '' THEN primary_phone ELSE '' END)
            COLLATE "C" AS phone
    FROM customers
    WHERE tenant_id = %(tenant)s AND upload_id IN (%(earlier)s, %(later)s)
    ORDER BY upload_id, loan, phone, row_number DESC, id DESC
),
paired AS (
    SELECT
        CASE
            WHEN earlier.row_number IS NULL THEN 'new'
            WHEN later.row_number IS NULL THEN 'gone'
            WHEN later.owed > earlier.owed OR later.late > earlier.late THEN 'worse'
            WHEN later.owed < earlier.owed OR later.late < earlier.late THEN 'better'
            ELSE 'unchanged'
        END AS outcome,
        earlier.row_number AS earlier_line, earlier.owed AS owed_before,
        later.row_number AS later_line, later.owed AS owed_after,
        COALESCE(later.owed, earlier.owed) AS owes
    FROM (SELECT * FROM loans WHERE upload_id = %(earlier)s) AS earlier
    FULL JOIN (SELECT * FROM loans WHERE upload_id = %(later)s) AS later
        USING (loan, phone)
)
INSERT INTO upload_compared_groups (
    comparison_id, outcome, loan_count,
    outstanding_before, outstanding_after, outstanding_change,
    earlier_lines, later_lines
)
SELECT
    %(comparison)s, outcome, count(*),
    COALESCE(sum(owed_before), 0),
    COALESCE(sum(owed_after), 0),
    COALESCE(sum(CASE outcome WHEN 'new' THEN owed_after
                              WHEN 'gone' THEN -owed_before
                              ELSE owed_after - owed_before END), 0),
    CASE outcome WHEN 'new' THEN ARRAY[]::integer[] ELSE
        array_agg(earlier_line ORDER BY owes DESC NULLS LAST, later_line, earlier_line)
    END,
    CASE outcome WHEN 'gone' THEN ARRAY[]::integer[] ELSE
        array_agg(later_line ORDER BY owes DESC NULLS LAST, later_line, earlier_line)
    END
FROM paired
GROUP BY outcome
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """A loan in the two files; a new one was in none before, a gone one is in none."""

    earlier: Customer | None
    later: Customer | None
    change: Change | None

    @property
    def newest(self) -> Any:
        """Return the loan's later entry; a gone one has only the earlier."""
        return self.later or self.earlier


def compare_uploads(
    *, tenant: Tenant, earlier_id: int, later_id: int, now: datetime
) -> Comparison:
    """Return what the later of two uploads of a tenant says differently.

    Counted once and kept: the two sides have 50,000 rows and more. Another tenant's
    upload has no entries here.
    """
    counts = [
        Customer.objects.filter(tenant=tenant, upload=upload_id).count()
        for upload_id in (earlier_id, later_id)
    ]
    kept = Comparison.objects.filter(
        tenant=tenant,
        earlier_upload=earlier_id,
        later_upload=later_id,
        earlier_entries=counts[0],
        later_entries=counts[1],
    ).first()
    return kept or _compare(tenant, earlier_id, later_id, counts, now)


def read_pairs(
    *, group: ComparedGroup, start: int = 0, most: int | None = None
) -> Iterator[Pair]:
    """Yield the loans of a group from a place in its order on, at most so many."""
    end = group.loan_count if most is None else min(start + most, group.loan_count)
    for at in range(start, end, _READ_AT_ONCE):
        yield from _pairs_between(group, at, min(at + _READ_AT_ONCE, end))


@transaction.atomic
def _compare(
    tenant: Tenant, earlier_id: int, later_id: int, counts: list[int], now: datetime
) -> Comparison:
    by_phone = any(
        _names_no_loan(tenant, upload_id) for upload_id in (earlier_id, later_id)
    )
    # Who compares the same at the same moment waits here, and does it once more.
    comparison, made = Comparison.objects.update_or_create(
        earlier_upload_id=earlier_id,
        later_upload_id=later_id,
        defaults={
            "tenant": tenant,
            "earlier_entries": counts[0],
            "later_entries": counts[1],
            "by_phone": by_phone,
            "made_at": now,
        },
    )
    if not made:
        comparison.groups.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(
            _GROUPS,
            {
                "comparison": comparison.pk,
                "tenant": tenant.pk,
                "earlier": earlier_id,
                "later": later_id,
                "by_phone": by_phone,
            },
        )
    return comparison


def _names_no_loan(tenant: Tenant, upload_id: int) -> bool:
    entries = Customer.objects.filter(tenant=tenant, upload=upload_id)
    return entries.exists() and not entries.exclude(loan_number="").exists()


def _pairs_between(group: ComparedGroup, start: int, end: int) -> Iterator[Pair]:
    """Yield the loans at these places; who was erased meanwhile is passed over."""
    comparison = group.comparison
    earlier_lines, later_lines = ComparedGroup.objects.values_list(
        F("earlier_lines")[start:end], F("later_lines")[start:end]
    ).get(pk=group.pk)
    earlier = _entries(comparison, comparison.earlier_upload_id, earlier_lines)
    later = _entries(comparison, comparison.later_upload_id, later_lines)
    for place in range(end - start):
        before = earlier.get(earlier_lines[place]) if earlier_lines else None
        after = later.get(later_lines[place]) if later_lines else None
        if before and after:
            yield Pair(before, after, change_between(before, after))
        elif (before and not later_lines) or (after and not earlier_lines):
            yield Pair(before, after, None)


def _entries(
    comparison: Comparison, upload_id: int, lines: list[int]
) -> dict[int, Customer]:
    entries = Customer.objects.filter(
        tenant=comparison.tenant_id, upload=upload_id, row_number__in=lines
    )
    return {entry.row_number: entry for entry in entries}
