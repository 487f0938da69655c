"""Forget a person in what is kept of customer files: the files, and rows' issues."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, cast

from django.core.files.storage import default_storage
from django.db.models import F

from tenants.models import Tenant
from uploads.layout import Layout
from uploads.models import FileUpload, RowIssue
from uploads.records import read_blocks
from uploads.retention import discard_file

_CHUNK = 1 << 20
# A number without its country code; who has fewer digits is found by all of them.
_NATIONAL_DIGITS = 10
_BETWEEN_DIGITS = r"[^0-9A-Za-z\r\n]{0,3}"


class StillLoading(Exception):
    """A file of the tenant is not loaded yet; the message says which, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgottenFiles:
    """Kept files that went, and rows' issues."""

    files: int
    issues: int


def refuse_while_loading(tenant: Tenant) -> None:
    """Raise `StillLoading` while rows of anybody may yet come in."""
    under_way = (
        FileUpload.objects.filter(
            tenant=tenant, status__in=["pending", "review", "processing", "paused"]
        )
        .order_by("pk")
        .values_list("pk", flat=True)
        .first()
    )
    if under_way is not None:
        raise StillLoading(
            f"Upload {under_way} is not over, and its rows may name the person. Wait "
            "for it, or cancel it."
        )


def forget_in_files(
    *,
    tenant: Tenant,
    phones: Collection[str],
    entries: Mapping[int, int],
    lines: Collection[tuple[int, int]],
    now: datetime,
) -> ForgottenFiles:
    """Delete the kept files that hold one of the numbers, and the issues of its rows.

    A file is read however the number is written in it. `entries` says how many entries
    of each upload went with the person, `lines` from where: (upload, line). What the
    other rows of a file became stays; they can no longer be tried again or downloaded.
    """
    pattern = _pattern(phones)
    files = issues = 0
    kept = FileUpload.objects.filter(tenant=tenant).exclude(file="").order_by("pk")
    named = set(lines)
    for upload in kept:
        if upload.pk in entries or _holds(upload, pattern):
            named |= {(upload.pk, line) for line in _lines_of(upload, pattern)}
            discard_file(upload, now=now)
            files += 1
    for upload_id in sorted({upload_id for upload_id, _ in named}):
        of_upload = [line for one, line in named if one == upload_id]
        issues += RowIssue.objects.filter(
            upload_id=upload_id, line__in=of_upload
        ).delete()[0]
    # Of files that are kept no longer nothing else tells their refused rows.
    issues += RowIssue.objects.filter(
        upload__tenant=tenant, primary_phone__in=[f"+{phone}" for phone in phones]
    ).delete()[0]
    for upload_id, count in entries.items():
        FileUpload.objects.filter(pk=upload_id).update(
            erased_rows=F("erased_rows") + count
        )
    return ForgottenFiles(files=files, issues=issues)


def _pattern(phones: Collection[str]) -> re.Pattern[str]:
    return re.compile(
        "|".join(
            _BETWEEN_DIGITS.join(phone[-_NATIONAL_DIGITS:]) for phone in sorted(phones)
        )
    )


def _holds(upload: FileUpload, pattern: re.Pattern[str]) -> bool:
    return any(pattern.search(text) for text in _texts(upload.rows_file))


def _texts(name: str) -> Iterator[str]:
    """Yield a file's text; a number that one piece cuts in two is in the next."""
    if not default_storage.exists(name):
        return
    tail = b""
    with default_storage.open(name) as file:
        while chunk := file.read(_CHUNK):
            yield (tail + chunk).decode("latin-1")
            tail = chunk[-64:]


def _lines_of(upload: FileUpload, pattern: re.Pattern[str]) -> list[int]:
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
            if any(map(pattern.search, cells))
        ]
