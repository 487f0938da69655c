"""Which files may be compared with one, and what is known of them before."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from customers.lenders import (
    SAMPLE,
    corrected_files,
    count_loans_in_common,
    with_corrections,
)
from customers.models import ComparedGroup, LenderFile
from uploads.corrections import count_corrected
from uploads.models import FileUpload, RowIssue

Outcome = ComparedGroup.Outcome
# Refused rows are counted so far.
_MOST_COUNTED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A file to choose, and how many loans are in both; exact if all were tried."""

    file: FileUpload
    common: int
    is_exact: bool


def file_id_of(upload_id: int) -> int:
    """Return the file that an upload belongs to: itself, or what it corrects."""
    return corrected_files([upload_id]).get(upload_id, upload_id)


def other_files(file: FileUpload) -> "QuerySet[FileUpload]":
    """Return the tenant's other files, newest first; a corrected one is no file."""
    uploads = FileUpload.objects.filter(tenant=file.tenant_id, parent=None)
    return (
        uploads.exclude(pk=file.pk)
        .select_related("tenant", "lender_file")
        .defer("layout", "notices")
    )


def offered_files(
    file: FileUpload, chosen: FileUpload | None, *, limit: int
) -> list[Offered]:
    """Return what may be chosen: the newest with entries, and what is chosen."""
    with_entries = other_files(file).filter(succeeded_rows__gt=0)
    files = list(with_entries.exclude(status=FileUpload.Status.UNDONE)[:limit])
    if chosen is not None and chosen not in files:
        files.append(chosen)
    common, of = count_loans_in_common(
        tenant=file.tenant, upload_id=file.pk, others=[one.pk for one in files]
    )
    is_exact = of < SAMPLE
    scale = 1 if is_exact else file.succeeded_rows / of
    return [
        Offered(
            file=one, common=round(scale * common.get(one.pk, 0)), is_exact=is_exact
        )
        for one in files
    ]


def in_order(one: FileUpload, other: FileUpload) -> tuple[FileUpload, FileUpload]:
    """Return two files, first what speaks of the earlier day, or came first."""
    if (day_of(one), one.pk) < (day_of(other), other.pk):
        return one, other
    return other, one


def day_of(file: FileUpload) -> date:
    """Return the day that a file speaks of, as far as that is known."""
    try:
        return file.lender_file.day
    except LenderFile.DoesNotExist:  # it is not over, or has no rows
        return file.created_at.astimezone(ZoneInfo(file.tenant.timezone)).date()


def has_nothing_in_common(counts: Mapping[str, int]) -> bool:
    """Tell whether both of two compared files have loans, and none is in both."""
    return {name for name, count in counts.items() if count} == {
        Outcome.NEW,
        Outcome.GONE,
    }


def count_unnamed_refusals(file: FileUpload) -> int:
    """Return how many refused rows of a file nobody can tell the loan of.

    One that seems gone may be among them: all, when their issues are kept no longer.
    None when all were corrected.
    """
    if not file.failed_rows:
        return 0
    corrected = count_corrected(file)
    if corrected is not None and not corrected.left:
        return 0
    if not RowIssue.objects.filter(upload=file).exists():
        return file.failed_rows
    unnamed = RowIssue.objects.filter(
        upload__in=with_corrections([file.pk])[file.pk],
        loan_number="",
        primary_phone="",
    )
    lines = unnamed.order_by().values("upload", "line").distinct()
    return lines[:_MOST_COUNTED].count()
