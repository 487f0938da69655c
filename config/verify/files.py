"""Check of the kept files: what a row names must be in the storage."""

import logging
import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import Max, Min, QuerySet

from config.verify.report import Finding, Scope, fail, ok
from messaging.media.models import MessageMedia
from messaging.media.retention import due_media
from uploads.models import FileUpload
from uploads.retention import due_files

logger = logging.getLogger(__name__)

# Of uploads and of media each. In object storage every look is a request: some 10 s.
NEWEST = 50
OLDER = 50
LONGEST_SECONDS = 15
NAMED = 5

_BACK = (
    "Is MEDIA_ROOT the one that web and workers have, and is its volume there? Put "
    "these files back from the backup: docs/operations.md says what else can be done."
)


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file as a row names it."""

    of: Literal["upload", "media"]
    row_id: int
    name: str

    def __str__(self) -> str:
        return f"{self.of} {self.row_id}"


def kept_files_there(scope: Scope) -> Finding:
    """Whether kept files are in the storage: the newest, and some of all ages."""
    files = [*_files_of_uploads(scope), *_files_of_media(scope)]
    if not files:
        return ok("none is kept")
    try:
        looked, missing = _look(files)
    except Exception as exc:  # each storage raises classes of its own
        logger.warning("The storage of kept files failed: %s", type(exc).__name__)
        return fail(
            f"the storage does not answer: {type(exc).__name__}",
            "Is it running, and does STORAGES lead to it? No file can be read or kept.",
        )
    missing = list(_still_named(missing, scope))
    extent = f"{looked} looked at, the newest and a sample of older ones"
    if left_out := len(files) - looked:
        extent += f"; {left_out} left out after {LONGEST_SECONDS} s"
    if missing:
        owners = list(dict.fromkeys(map(str, missing)))
        more = f" and {len(owners) - NAMED} more" if len(owners) > NAMED else ""
        return fail(
            f"not there: the file of {', '.join(owners[:NAMED])}{more} ({extent})",
            _BACK,
        )
    return ok(f"all there: {extent}")


def _look(files: Iterable[KeptFile]) -> tuple[int, list[KeptFile]]:
    """Return how many files were looked at in the time there is, and which are gone."""
    looked, missing = 0, []
    until = time.monotonic() + LONGEST_SECONDS
    for file in files:
        if looked and time.monotonic() > until:
            break
        looked += 1
        if not default_storage.exists(file.name):
            missing.append(file)
    return looked, missing


def _files_of_uploads(scope: Scope) -> Iterator[KeptFile]:
    uploads = _of_tenant(FileUpload.objects.exclude(file=""), scope)
    columns = "pk", "file", "layout__rows_file"
    for pk, name, rows_name in _newest_and_older(uploads, columns):
        for one in {name, rows_name} - {None, ""}:
            yield KeptFile("upload", pk, one)


def _files_of_media(scope: Scope) -> Iterator[KeptFile]:
    media = _of_tenant(MessageMedia.objects.filter(status="stored"), scope)
    for pk, name in _newest_and_older(media, ("pk", "file")):
        yield KeptFile("media", pk, name)


def _newest_and_older(
    rows: QuerySet[Any], columns: tuple[str, ...]
) -> list[tuple[Any, ...]]:
    """Return the newest rows, and older ones from places spread over all of them.

    The places are others in each report, so that in time each row has its turn.
    """
    found = list(rows.order_by("-pk").values_list(*columns)[:NEWEST])
    # Of the whole table: an index tells them at once.
    ends = rows.model._default_manager.aggregate(first=Min("pk"), last=Max("pk"))
    if len(found) < NEWEST:
        return found
    first, last = ends["first"], found[-1][0]
    step = -(-(last - first) // OLDER) or 1
    shift = secrets.randbelow(step)
    for place in range(first, last, step):
        within = rows.filter(pk__gte=place, pk__lt=min(place + step, last))
        older = (
            within.filter(pk__gte=place + shift).order_by("pk").values_list(*columns)
        ).first() or within.order_by("-pk").values_list(*columns).first()
        if older:
            found.append(older)
    return found


def _still_named(missing: list[KeptFile], scope: Scope) -> Iterator[KeptFile]:
    """Yield the files that their rows name even now, and whose term is not over.

    A purge or an erasure may have been at work while we looked.
    """
    ids = {
        of: {file.row_id for file in missing if file.of == of}
        for of in ("upload", "media")
    }
    uploads = FileUpload.objects.filter(pk__in=ids["upload"]).exclude(file="")
    media = MessageMedia.objects.filter(pk__in=ids["media"], status="stored")
    over_files = due_files(days=settings.UPLOAD_FILE_RETENTION_DAYS, now=scope.now)
    over_media = due_media(days=settings.MEDIA_RETENTION_DAYS, now=scope.now)
    named = {
        "upload": set(uploads.values_list("pk", flat=True))
        - set(over_files.filter(pk__in=ids["upload"]).values_list("pk", flat=True)),
        "media": set(media.values_list("pk", flat=True))
        - set(over_media.filter(pk__in=ids["media"]).values_list("pk", flat=True)),
    }
    return (file for file in missing if file.row_id in named[file.of])


def _of_tenant(rows: QuerySet[Any], scope: Scope) -> QuerySet[Any]:
    if scope.tenant_id is None:
        return rows
    return rows.filter(tenant_id=scope.tenant_id)
