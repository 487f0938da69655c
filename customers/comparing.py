"""What one file says differently from an earlier one of the same tenant."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.db.models import F, Q

from customers.changes import Change, change_between
from customers.lenders import corrected_files, with_corrections
from customers.models import ComparedGroup, Comparison, Customer
from tenants.models import Tenant

_READ_AT_ONCE = 1000

Outcome = ComparedGroup.Outcome
# Which of the two files has the rows that could not be read.
_REFUSED_IN = {
    Outcome.UNREADABLE: "later_upload_id",
    Outcome.UNREADABLE_BEFORE: "earlier_upload_id",
}

# A loan is known by its number; without one, by the phone, among entries without one.
# Of several lines of a file that mean the same loan, the last counts, and a corrected
# row before the row it corrects. Compared byte by byte: faster than in any language's
# order, and nothing is shown in it. The verdicts are those of
# `customers.changes.change_between`. A loan whose row the other file has, but refused,
# is neither new nor gone.
_GROUPS = """
WITH loans AS (
    SELECT DISTINCT ON (is_later, loan, phone)
        upload_id = ANY(%(later)s) AS is_later, id, row_number,
        outstanding_amount AS owed, days_past_due AS late, primary_phone,
        (CASE WHEN %(by_phone)s THEN '' ELSE loan_number END) COLLATE "C" AS loan,
        (CASE WHEN %(by_phone)s OR loan_number = '' THEN primary_phone ELSE '' END)
            COLLATE "C" AS phone
    FROM customers
    WHERE tenant_id = %(tenant)s AND upload_id = ANY(%(both)s)
    ORDER BY is_later, loan, phone, upload_id DESC, row_number DESC, id DESC
),
refused AS (
    SELECT DISTINCT
        issue.upload_id = ANY(%(later)s) AS is_later,
        (CASE WHEN %(by_phone)s THEN '' ELSE issue.loan_number END)
            COLLATE "C" AS loan,
        (CASE WHEN %(by_phone)s OR issue.loan_number = ''
              THEN issue.primary_phone ELSE '' END) COLLATE "C" AS phone
    FROM upload_row_issues AS issue JOIN file_uploads AS file
        ON file.id = issue.upload_id AND file.tenant_id = %(tenant)s
    WHERE issue.upload_id = ANY(%(both)s)
        AND (issue.loan_number <> '' OR issue.primary_phone <> '')
),
paired AS (
    SELECT
        CASE
            WHEN earlier.id IS NULL AND refused.loan IS NULL THEN 'new'
            WHEN earlier.id IS NULL THEN 'unreadable_before'
            WHEN later.id IS NULL AND refused.loan IS NULL THEN 'gone'
            WHEN later.id IS NULL THEN 'unreadable'
            WHEN later.owed > earlier.owed OR later.late > earlier.late THEN 'worse'
            WHEN later.owed < earlier.owed OR later.late < earlier.late THEN 'better'
            ELSE 'unchanged'
        END AS outcome,
        earlier.id AS earlier_id, earlier.owed AS owed_before,
        later.id AS later_id, later.owed AS owed_after,
        COALESCE(later.owed, earlier.owed) AS owes,
        COALESCE(later.row_number, earlier.row_number) AS line,
        earlier.primary_phone <> later.primary_phone AS has_other_phone
    FROM (SELECT * FROM loans WHERE NOT is_later) AS earlier
    FULL JOIN (SELECT * FROM loans WHERE is_later) AS later USING (loan, phone)
    LEFT JOIN refused ON refused.loan = COALESCE(later.loan, earlier.loan)
        AND refused.phone = COALESCE(later.phone, earlier.phone)
        AND refused.is_later = (later.id IS NULL)
        AND (later.id IS NULL OR earlier.id IS NULL)
),
grouped AS (
    SELECT * FROM paired
    UNION ALL
    SELECT 'other_phone', earlier_id, owed_before, later_id, owed_after, owes, line,
        has_other_phone
    FROM paired WHERE has_other_phone
)
INSERT INTO upload_compared_groups (
    comparison_id, outcome, loan_count,
    outstanding_before, outstanding_after, outstanding_change,
    earlier_ids, later_ids
)
SELECT
    %(comparison)s, outcome, count(*),
    COALESCE(sum(owed_before), 0),
    COALESCE(sum(owed_after), 0),
    COALESCE(sum(CASE outcome WHEN 'new' THEN owed_after
                              WHEN 'gone' THEN -owed_before
                              ELSE owed_after - owed_before END), 0),
    COALESCE(array_agg(earlier_id ORDER BY owes DESC NULLS LAST, line, earlier_id)
        FILTER (WHERE earlier_id IS NOT NULL), ARRAY[]::uuid[]),
    COALESCE(array_agg(later_id ORDER BY owes DESC NULLS LAST, line, earlier_id)
        FILTER (WHERE later_id IS NOT NULL), ARRAY[]::uuid[])
FROM grouped
GROUP BY outcome
"""


class ComparisonGone(Exception):
    """What is compared went meanwhile, or changed: look at the two files anew."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A loan in the two files; a new one was in none before, a gone one is in none.

    `issue` is why the other file's row was refused, where it was.
    """

    earlier: Customer | None
    later: Customer | None
    change: Change | None
    issue: Any = None

    @property
    def newest(self) -> Any:
        """Return the loan's later entry; a gone one has only the earlier."""
        return self.later or self.earlier


def compare_uploads(
    *, tenant: Tenant, earlier_id: int, later_id: int, now: datetime
) -> Comparison:
    """Return what the later of two files of a tenant says differently.

    Each file with what corrects it. Counted once and kept: the two sides have 50,000
    rows and more. Another tenant's upload has no entries here. Raises `ComparisonGone`
    when one of the files is undone at this moment.
    """
    files = with_corrections([earlier_id, later_id])
    earlier, later = files.get(earlier_id, []), files.get(later_id, [])
    basis = _basis(tenant, [*earlier, *later])
    kept = Comparison.objects.filter(
        tenant=tenant,
        earlier_upload=earlier_id,
        later_upload=later_id,
        basis=basis,
    ).first()
    if kept is not None:
        return kept
    return _compare(tenant, {earlier_id: earlier, later_id: later}, {"made_at": now})


def is_kept(comparison: Comparison) -> bool:
    """Tell whether a comparison still stands.

    Then whatever was read by it before this was of one state: who takes out what it
    compares deletes it, and it is made anew under another time.
    """
    return Comparison.objects.filter(
        pk=comparison.pk, made_at=comparison.made_at
    ).exists()


def forget_comparisons(*, uploads: Collection[int]) -> None:
    """Delete what was made of these uploads, whose entries or issues go.

    The caller holds the uploads: none is made meanwhile.
    """
    files = {*uploads, *corrected_files(uploads).values()}
    Comparison.objects.filter(
        Q(earlier_upload__in=files) | Q(later_upload__in=files)
    ).delete()


def read_pairs(
    *, group: ComparedGroup, start: int = 0, most: int | None = None
) -> Iterator[Pair]:
    """Yield the loans of a group from a place in its order on, at most so many.

    Raises `ComparisonGone` when the group is deleted. That nothing of it went while it
    was read, `is_kept` tells afterwards.
    """
    end = group.loan_count if most is None else min(start + most, group.loan_count)
    for at in range(start, end, _READ_AT_ONCE):
        yield from _pairs_between(group, at, min(at + _READ_AT_ONCE, end))


@transaction.atomic
def _compare(
    tenant: Tenant, files: dict[int, list[int]], values: dict[str, Any]
) -> Comparison:
    (earlier_id, earlier), (later_id, later) = files.items()
    # Nobody takes out entries or adds some until all of it is written.
    basis = _held_basis(tenant, [*earlier, *later])
    values |= {
        "basis": basis,
        "earlier_entries": _count_entries(tenant, earlier),
        "later_entries": _count_entries(tenant, later),
    }
    by_phone = _names_no_loan(tenant, earlier) or _names_no_loan(tenant, later)
    # Who compares the same at the same moment waits here, and does it once more.
    comparison, made = Comparison.objects.update_or_create(
        earlier_upload_id=earlier_id,
        later_upload_id=later_id,
        defaults={"tenant": tenant, "by_phone": by_phone, **values},
    )
    if not made:
        comparison.groups.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(
            _GROUPS,
            {
                "comparison": comparison.pk,
                "tenant": tenant.pk,
                "both": [*earlier, *later],
                "later": later,
                "by_phone": by_phone,
            },
        )
    return comparison


def _count_entries(tenant: Tenant, uploads: list[int]) -> int:
    return Customer.objects.filter(tenant=tenant, upload__in=uploads).count()


def _basis(tenant: Tenant, uploads: list[int]) -> list[list[int]]:
    """Return what says whether entries came or went, without counting them."""
    # The app of uploads stands above this one and is not imported.
    files: Any = apps.get_model("uploads", "FileUpload")
    of_tenant = files.objects.filter(tenant=tenant, pk__in=uploads).order_by("pk")
    columns = ("pk", "succeeded_rows", "failed_rows", "erased_rows")
    return [list(row) for row in of_tenant.values_list(*columns)]


def _held_basis(tenant: Tenant, uploads: list[int]) -> list[list[int]]:
    """Return the basis, which stays so until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT status FROM file_uploads
            WHERE tenant_id = %s AND id = ANY(%s) ORDER BY id FOR SHARE
            """,
            [tenant.pk, uploads],
        )
        if ("undone",) in cursor.fetchall():
            raise ComparisonGone
    return _basis(tenant, uploads)


def _names_no_loan(tenant: Tenant, uploads: list[int]) -> bool:
    entries = Customer.objects.filter(tenant=tenant, upload__in=uploads)
    return entries.exists() and not entries.exclude(loan_number="").exists()


def _pairs_between(group: ComparedGroup, start: int, end: int) -> Iterator[Pair]:
    """Yield the loans at these places; who was erased meanwhile is passed over."""
    comparison = group.comparison
    places = ComparedGroup.objects.filter(pk=group.pk).values_list(
        F("earlier_ids")[start:end], F("later_ids")[start:end]
    )
    ids = places.first()
    if ids is None:
        raise ComparisonGone
    earlier_ids, later_ids = ids
    entries = Customer.objects.filter(tenant=comparison.tenant_id)
    found = entries.in_bulk([*earlier_ids, *later_ids])
    refused_in = _REFUSED_IN.get(Outcome(group.outcome))
    issues = _issues(comparison, refused_in, found.values()) if refused_in else {}
    for place in range(end - start):
        before = found.get(earlier_ids[place]) if earlier_ids else None
        after = found.get(later_ids[place]) if later_ids else None
        if before and after:
            yield Pair(before, after, change_between(before, after))
        elif (before and not later_ids) or (after and not earlier_ids):
            issue = issues.get(_key(before or after, by_phone=comparison.by_phone))
            yield Pair(before, after, None, issue)


def _key(row: Any, *, by_phone: bool) -> tuple[str, str]:
    if by_phone or not row.loan_number:
        return "", row.primary_phone
    return row.loan_number, ""


def _issues(
    comparison: Comparison, refused_in: str, entries: Iterable[Customer]
) -> dict[tuple[str, str], Any]:
    """Return why the rows of these loans were refused in a file, by loan."""
    by_phone = comparison.by_phone
    keys = {_key(entry, by_phone=by_phone) for entry in entries}
    file = getattr(comparison, refused_in)
    # The app of uploads stands above this one and is not imported.
    row_issues: Any = apps.get_model("uploads", "RowIssue")
    issues = row_issues.objects.filter(
        Q(loan_number__in=[loan for loan, _ in keys if loan])
        | Q(primary_phone__in=[phone for _, phone in keys if phone]),
        upload__in=with_corrections([file]).get(file, []),
        upload__tenant=comparison.tenant_id,
    )
    # The last issue of a loan's last row; a corrected file's before the file's.
    return {
        _key(issue, by_phone=by_phone): issue
        for issue in issues.order_by("upload_id", "line", "-id")
    }
