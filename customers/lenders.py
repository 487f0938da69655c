"""Which of a tenant's files come from one lender, and which of them is the newest.

A lender's files have the same header and loans in common. Nobody is asked: an upload
that completes is put to the files it shares loans with. docs/decisions.md has the rule.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import QuerySet

from customers.models import Customer, LenderFile
from tenants.models import Tenant

# The app of uploads stands above this one and is not imported.
_FileUpload: Any = Customer._meta.get_field("upload").related_model

# So many loans of a file, spread evenly over it, stand for all of them: each is one
# look into an index. Of a smaller file they are all its loans.
SAMPLE = 200
# Entries of one loan that are looked at; a number in more rows names no loan.
_MOST_ENTRIES = 400
# Tells our advisory locks from others.
_LENDER_LOCKS = 0x4C46

_SAMPLED = """
WITH bounds AS (
    SELECT min(row_number) AS first, max(row_number) - min(row_number) + 1 AS width
    FROM customers WHERE upload_id = %(upload)s
)
SELECT entry.loan_number,
    CASE WHEN entry.loan_number = '' THEN entry.primary_phone ELSE '' END,
    entry.as_of_date
FROM bounds
CROSS JOIN generate_series(0, LEAST(%(sample)s, bounds.width) - 1) AS place
CROSS JOIN LATERAL (
    SELECT loan_number, primary_phone, as_of_date FROM customers
    WHERE upload_id = %(upload)s AND row_number >=
        bounds.first + place::bigint * bounds.width / LEAST(%(sample)s, bounds.width)
    ORDER BY row_number LIMIT 1
) AS entry
"""

# One look into the index for each loan, whatever the files' sizes.
_IN_COMMON = """
WITH files AS (
    SELECT * FROM unnest(%(uploads)s::bigint[], %(files)s::bigint[]) AS f (upload, file)
),
found AS MATERIALIZED (
    SELECT entry.upload_id, loan FROM unnest(%(loans)s::text[]) AS loan
    CROSS JOIN LATERAL (
        SELECT upload_id FROM customers
        WHERE tenant_id = %(tenant)s AND loan_number = loan AND loan_number <> ''
        LIMIT %(most)s
    ) AS entry
    UNION ALL
    SELECT entry.upload_id, phone FROM unnest(%(phones)s::text[]) AS phone
    CROSS JOIN LATERAL (
        SELECT upload_id FROM customers
        WHERE primary_phone = phone AND tenant_id = %(tenant)s AND loan_number = ''
        LIMIT %(most)s
    ) AS entry
)
SELECT files.file, count(DISTINCT found.loan)
FROM found JOIN files ON files.upload = found.upload_id
GROUP BY files.file
"""

_WITH_CORRECTIONS = """
WITH RECURSIVE family AS (
    SELECT id AS file, id FROM file_uploads WHERE id = ANY(%(files)s)
    UNION
    SELECT family.file, child.id
    FROM family JOIN file_uploads AS child ON child.parent_id = family.id
    WHERE child.status <> 'undone'
)
SELECT file, id FROM family ORDER BY file, id
"""

_CORRECTED = """
WITH RECURSIVE line AS (
    SELECT id AS upload, id, parent_id FROM file_uploads WHERE id = ANY(%(uploads)s)
    UNION
    SELECT line.upload, file_uploads.id, file_uploads.parent_id
    FROM line JOIN file_uploads ON file_uploads.id = line.parent_id
)
SELECT upload, id FROM line WHERE parent_id IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A lender's files of one day: as a rule one, or several without a loan in
    common; `upload_ids` has what corrects them too."""

    day: date
    delivery_id: int
    upload_ids: tuple[int, ...]


@transaction.atomic
def register_file(
    *, tenant: Tenant, upload_id: int, header_fingerprint: str
) -> LenderFile:
    """Find out whose file an upload is.

    Done again, after a retry or a corrected file, its day is read anew; its lender
    stays, unless it was alone so far.
    """
    with connection.cursor() as cursor:
        # Two files of one lender that end at the same moment see each other.
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, %s)",
            [_LENDER_LOCKS, tenant.pk & 0x7FFFFFFF],
        )
    loans, days = _sample_of(with_corrections([upload_id])[upload_id])
    day = max(days, key=lambda one: (days.count(one), one)) if days else None
    day = day or _day_loaded(tenant, upload_id)
    of_tenant = LenderFile.objects.filter(tenant=tenant)
    known = of_tenant.filter(pk=upload_id).first()
    if known is not None and (
        known.lender_id != upload_id
        or of_tenant.filter(lender_id=upload_id).exclude(pk=upload_id).exists()
    ):
        known.day = day
        known.save(update_fields=["day"])
        return known
    alike = of_tenant.filter(header_fingerprint=header_fingerprint)
    others = {
        other.pk: other
        for other in alike.exclude(pk=upload_id).exclude(upload__status="undone")
    }
    common = _count_in_common(tenant, loans, {pk: pk for pk in others})
    nearest = _nearest(others, common)
    lender = others[nearest].lender_id if nearest else upload_id
    of_the_day = [
        other
        for other in others.values()
        if other.lender_id == lender and other.day == day
    ]
    # What shares no loan with any file of the same day is another part of it.
    is_part = of_the_day and not any(common.get(other.pk) for other in of_the_day)
    file, _ = LenderFile.objects.update_or_create(
        upload_id=upload_id,
        defaults={
            "tenant": tenant,
            "header_fingerprint": header_fingerprint,
            "lender_id": lender,
            "delivery_id": max(other.delivery_id for other in of_the_day)
            if is_part
            else upload_id,
            "day": day,
        },
    )
    return file


def find_file_before(upload_id: int) -> int | None:
    """Return the upload that is its lender's last whole file before this one."""
    file = LenderFile.objects.filter(pk=upload_id).first()
    if file is None:
        return None
    whole = _whole_files().filter(tenant=file.tenant_id, lender_id=file.lender_id)
    earlier = whole.filter(day__lt=file.day) | whole.filter(
        day=file.day, delivery_id__lt=file.delivery_id
    )
    return (
        earlier.order_by("-day", "-delivery_id", "-pk")
        .values_list("pk", flat=True)
        .first()
    )


def newest_deliveries(
    *, tenant_ids: Collection[int], lender_ids: Collection[int]
) -> dict[int, Delivery]:
    """Return the newest whole files of these tenants' lenders, by lender."""
    newest: dict[int, tuple[date, int]] = {}
    files: dict[int, list[int]] = {}
    rows = (
        _whole_files()
        .filter(tenant__in=tenant_ids, lender_id__in=lender_ids)
        .order_by("lender_id", "-day", "-delivery_id", "pk")
    )
    for file in rows:
        first = newest.setdefault(file.lender_id, (file.day, file.delivery_id))
        if file.delivery_id == first[1]:
            files.setdefault(file.lender_id, []).append(file.pk)
    family = with_corrections([pk for pks in files.values() for pk in pks])
    return {
        lender: Delivery(
            day=day,
            delivery_id=delivery_id,
            upload_ids=tuple(pk for file in files[lender] for pk in family[file]),
        )
        for lender, (day, delivery_id) in newest.items()
    }


def count_loans_in_common(
    *, tenant: Tenant, upload_id: int, others: Iterable[int]
) -> tuple[dict[int, int], int]:
    """Return how many loans of a file are in each of the others, and of how many.

    Counted among `SAMPLE` loans, spread evenly over the file with what corrects it: all
    of them, if it has no more.
    """
    family = with_corrections([upload_id, *others])
    loans, _ = _sample_of(family.pop(upload_id))
    files = {pk: file for file, pks in family.items() for pk in pks}
    return _count_in_common(tenant, loans, files), len(loans)


def with_corrections(upload_ids: Collection[int]) -> dict[int, list[int]]:
    """Return the uploads that together are one file: itself and what corrects it."""
    family: dict[int, list[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_WITH_CORRECTIONS, {"files": list(upload_ids)})
        for file, pk in cursor.fetchall():
            family.setdefault(file, []).append(pk)
    return family


def corrected_files(upload_ids: Collection[int]) -> dict[int, int]:
    """Return the file that each upload belongs to: itself, or what it corrects."""
    with connection.cursor() as cursor:
        cursor.execute(_CORRECTED, {"uploads": list(upload_ids)})
        return dict(cursor.fetchall())


def _whole_files() -> "QuerySet[LenderFile]":
    return LenderFile.objects.filter(upload__status="completed")


def _sample_of(uploads: Sequence[int]) -> tuple[set[tuple[str, str]], list[date]]:
    """Return loans of a file as (number, else phone), and the days that they name."""
    loans, days = set(), []
    with connection.cursor() as cursor:
        for upload_id in uploads:
            cursor.execute(_SAMPLED, {"upload": upload_id, "sample": SAMPLE})
            for loan, phone, day in cursor.fetchall():
                loans.add((loan, phone))
                days += [day] if day else []
    return loans, days


def _count_in_common(
    tenant: Tenant, loans: Collection[tuple[str, str]], files: Mapping[int, int]
) -> dict[int, int]:
    """Return how many of these loans are in each file, whose uploads are given."""
    with connection.cursor() as cursor:
        cursor.execute(
            _IN_COMMON,
            {
                "tenant": tenant.pk,
                "loans": [loan for loan, _ in loans if loan],
                "phones": [phone for loan, phone in loans if not loan],
                "uploads": list(files),
                "files": list(files.values()),
                "most": _MOST_ENTRIES,
            },
        )
        return dict(cursor.fetchall())


def _nearest(others: Mapping[int, LenderFile], common: Mapping[int, int]) -> int | None:
    """Return the newest of the files that have about the most loans in common."""
    if not common:
        return None
    enough = max(common.values()) / 2
    near = [others[pk] for pk, count in common.items() if count >= enough]
    newest: int = max(near, key=lambda file: (file.day, file.pk)).pk
    return newest


def _day_loaded(tenant: Tenant, upload_id: int) -> date:
    sent_at = _FileUpload.objects.values_list("created_at", flat=True).get(pk=upload_id)
    return sent_at.astimezone(ZoneInfo(tenant.timezone)).date()  # type: ignore[no-any-return]
