"""Files whose bytes were loaded before: loaded again only when somebody says so.

The same file again makes second entries of the same loans. That may be meant, and is
never refused; but it does not happen unasked.
"""

import hashlib

from django.db import connection
from django.db.models import Q, QuerySet

from uploads.choices import Choices
from uploads.models import FileUpload
from uploads.pages import local_time

Status, Stage = FileUpload.Status, FileUpload.Stage

# Tells our advisory locks from others.
_BYTES_LOCKS = 0x5341
_UNDER_WAY = [Status.PENDING, Status.PROCESSING, Status.PAUSED]


def find_loaded_before(upload: FileUpload) -> FileUpload | None:
    """Return the last other upload of the same bytes that was loaded, or is to be.

    Not one that was undone, nor one that ended with nothing loaded, nor one that waits
    for its own review. Of two that are on their way the one that came first counts.
    """
    if not upload.sha256:
        return None
    loaded = Q(succeeded_rows__gt=0) & ~Q(status=Status.UNDONE)
    started = Q(status__in=[Status.PROCESSING, Status.PAUSED]) & (
        Q(stage__in=[Stage.CUSTOMER_CREATION, Stage.STATUS_UPDATE])
        | Q(review=FileUpload.Review.DONE)
    )
    sooner = Q(status__in=_UNDER_WAY, pk__lt=upload.pk)
    same: QuerySet[FileUpload] = FileUpload.objects.filter(
        tenant_id=upload.tenant_id, sha256=upload.sha256
    )
    return (
        same.filter(loaded | started | sooner)
        .exclude(pk=upload.pk)
        .select_related("uploaded_by", "uploaded_by_client", "tenant")
        .first()
    )


def find_unanswered(upload: FileUpload) -> FileUpload | None:
    """Return what was loaded before, unless somebody said that it is meant.

    Until the transaction ends nobody else decides about a file of the same bytes: of
    two that are sent, or started, at once, one finds the other.
    """
    if Choices.of(upload.choices).again:
        return None
    key = f"{upload.tenant_id}/{upload.sha256}".encode()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, %s)",
            [
                _BYTES_LOCKS,
                int.from_bytes(hashlib.sha256(key).digest()[:4], signed=True),
            ],
        )
    return find_loaded_before(upload)


def question(before: FileUpload) -> str:
    """Ask whether a file is to be loaded again, in words for its sender."""
    sent = (
        f"upload {before.pk}, sent by {before.sender} on "
        f"{local_time(before.created_at, before.tenant)}"
    )
    if not before.is_over:
        return (
            f"The same file is being loaded already, as {sent}: loaded again, its rows "
            "become second entries of the same loans."
        )
    return (
        f"The same file was loaded before, as {sent}: loaded again, its rows become "
        "second entries of the same loans."
    )
