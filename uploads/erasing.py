"""Forget a person in what is kept of customer files: the files, and rows' issues."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, cast

from django.core.files.storage import default_storage
from django.db.models import Exists, F, OuterRef

from tenants.models import Tenant
from uploads.layout import Layout
from uploads.models import FileUpload, RowIssue, UploadWork
from uploads.number_search import Numbers, has_no_text
from uploads.quota import UNFINISHED
from uploads.records import read_blocks
from uploads.retention import discard_file


class StillLoading(Exception):
    """A file of the tenant is not loaded yet; the message says which, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgottenFiles:
    """Kept files that went, and rows' issues."""

    files: int
    issues: int


def refuse_while_loading(tenant: Tenant) -> frozenset[int]:
    """Return the tenant's uploads, held until the transaction ends as they are.

    Raises `StillLoading` while rows of anybody may yet come in. Before any other lock,
    for whoever writes entries or takes them out locks their upload first. Nobody tries
    one of them again meanwhile, undoes or purges it. A file that is sent meanwhile is
    not among them: it came later.
    """
    uploads = FileUpload.objects.filter(tenant=tenant).order_by("pk")
    # Nobody is to wait for this lock only to be refused.
    _refuse_unfinished(uploads.filter(status__in=UNFINISHED).values_list("pk")[:1])
    held = uploads.select_for_update(no_key=True).values_list("pk", "status")
    standing = dict(held)
    _refuse_unfinished(
        [(pk,) for pk, status in standing.items() if status in UNFINISHED]
    )
    # One that failed, or was cancelled, has its last part in work for a moment more.
    at_work = Exists(UploadWork.objects.filter(upload=OuterRef("pk")))
    for pk in uploads.filter(at_work).values_list("pk", flat=True)[:1]:
        raise StillLoading(
            f"A worker is still at upload {pk}, though it is over. Try again in a "
            "minute."
        )
    return frozenset(standing)


def _refuse_unfinished(unfinished: Iterable[tuple[int]]) -> None:
    for (pk,) in unfinished:
        raise StillLoading(
            f"Upload {pk} is not over, and its rows may name the person. Wait for it, "
            "or cancel it."
        )


def forget_in_files(
    *,
    tenant: Tenant,
    held: Collection[int],
    phones: Collection[str],
    entries: Mapping[int, int],
    lines: Collection[tuple[int, int]],
    now: datetime,
) -> ForgottenFiles:
    """Delete the kept files that hold one of the numbers, and the issues of its rows.

    Of the uploads in `held` (`refuse_while_loading`). A file is looked through however
    the number is written in it; one that nobody can look through goes. `entries` says
    how many entries of each upload went with the person, `lines` from where: (upload,
    line). What the other rows of a file became stays; they can no longer be tried again
    or downloaded.
    """
    numbers = Numbers(phones)
    files = issues = 0
    named = set(lines)
    kept = FileUpload.objects.filter(tenant=tenant).exclude(file="").order_by("pk")
    for upload in kept:
        if upload.pk in held and (upload.pk in entries or _holds(upload, numbers)):
            named |= {(upload.pk, line) for line in _lines_of(upload, numbers)}
            discard_file(upload, now=now)
            files += 1
    _mask_names(tenant, held, numbers)
    for upload_id in sorted({upload_id for upload_id, _ in named}):
        of_upload = [line for one, line in named if one == upload_id]
        issues += RowIssue.objects.filter(
            upload_id=upload_id, line__in=of_upload
        ).delete()[0]
    # Of files that are kept no longer nothing else tells their refused rows.
    left = RowIssue.objects.filter(
        upload__tenant=tenant, primary_phone__in=[f"+{phone}" for phone in phones]
    )
    ids = [pk for pk, one in left.values_list("pk", "upload_id") if one in held]
    issues += RowIssue.objects.filter(pk__in=ids).delete()[0]
    for upload_id, count in entries.items():
        FileUpload.objects.filter(pk=upload_id).update(
            erased_rows=F("erased_rows") + count
        )
    return ForgottenFiles(files=files, issues=issues)


def _mask_names(tenant: Tenant, held: Collection[int], numbers: Numbers) -> None:
    """Mask the numbers in the names of files: people name files after numbers."""
    named = FileUpload.objects.filter(tenant=tenant).values_list("pk", "original_name")
    for pk, name in named:
        if pk in held and numbers.are_in(name):
            FileUpload.objects.filter(pk=pk).update(original_name=numbers.masked(name))


def _holds(upload: FileUpload, numbers: Numbers) -> bool:
    """Tell whether one of the numbers is in an upload's file, or nobody can tell."""
    kept = str(upload.file.name)
    if upload.rows_file != kept and _is_in(upload.rows_file, numbers):
        return True
    if not default_storage.exists(kept):
        return False
    with default_storage.open(kept) as opened:
        file = cast(BinaryIO, opened)
        if has_no_text(file):
            # UTF-16 is text once more beside it; a file that nobody could read is not.
            return not upload.layout
        return numbers.are_in_file(file)


def _is_in(name: str, numbers: Numbers) -> bool:
    if not default_storage.exists(name):
        return False
    with default_storage.open(name) as file:
        return numbers.are_in_file(cast(BinaryIO, file))


def _lines_of(upload: FileUpload, numbers: Numbers) -> list[int]:
    """Return the lines of the rows that hold the number."""
    if not upload.layout or not default_storage.exists(upload.rows_file):
        return []
    layout = Layout.of(upload.layout)
    with default_storage.open(upload.rows_file) as file:
        opened = cast(BinaryIO, file)
        size = opened.seek(0, 2)
        return [
            line
            for block in read_blocks(
                opened,
                layout.shape(),
                start=layout.data_start,
                end=size,
                first_line=layout.first_line,
            )
            for line, cells in block.with_hidden().rows
            if any(map(numbers.are_in, cells))
        ]
