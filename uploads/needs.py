"""What has to be answered before an upload goes on: by its page, or by a program."""

from collections.abc import Iterable
from enum import StrEnum

from uploads.choices import header_fingerprint
from uploads.layout import Layout
from uploads.models import ColumnMapping, FileUpload


class Need(StrEnum):
    """Something that an upload waits for; each has its way to be answered."""

    MAPPING = "mapping"  # which column is what, or which order its dates have
    REVIEW = "review"  # a look at what was understood, then the start
    AGAIN = "again"  # a word that bytes loaded before are to be loaded once more


def find_needs(uploads: Iterable[FileUpload]) -> dict[int, list[Need]]:
    """Return what each of these uploads waits for; those that need nothing are absent.

    Two queries at most, however many they are: a list has them all at once.
    """
    needs: dict[int, list[Need]] = {}
    waiting: list[int] = []
    for upload in uploads:
        if upload.status == FileUpload.Status.REVIEW:
            waiting.append(upload.pk)
        elif _is_unmapped(upload):
            needs[upload.pk] = [Need.MAPPING]
    if not waiting:
        return needs
    layouts = [
        (pk, tenant_id, review, Layout.of(layout), came_before is not None)
        for pk, tenant_id, review, layout, came_before in FileUpload.objects.filter(
            pk__in=waiting
        ).values_list("pk", "tenant_id", "review", "layout", "loaded_before")
    ]
    headers = {
        pk: (tenant_id, header_fingerprint(layout.headers))
        for pk, tenant_id, _, layout, _ in layouts
    }
    known = set(
        ColumnMapping.objects.filter(
            tenant_id__in={tenant_id for tenant_id, _ in headers.values()},
            header_fingerprint__in={header for _, header in headers.values()},
        ).values_list("tenant_id", "header_fingerprint")
    )
    for pk, _, review, layout, came_before in layouts:
        needed = [Need.AGAIN] if came_before else []
        if (
            headers[pk] not in known
            or layout.columns().missing
            or layout.undecided_dates
        ):
            needed.append(Need.MAPPING)
        if layout.held_for or review == FileUpload.Review.ALWAYS or not needed:
            needed.append(Need.REVIEW)
        needs[pk] = needed
    return needs


def _is_unmapped(upload: FileUpload) -> bool:
    """Tell whether a file failed for its columns, which its retry asks about."""
    return (
        upload.status == FileUpload.Status.FAILED
        and upload.review == FileUpload.Review.ON_RETRY
        and bool(upload.file)
    )
