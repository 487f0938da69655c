"""What people do with customer files: send one in, pause it, cancel it, try it again.

Taking one back is in `undoing`.
"""

import contextlib
import hashlib
import logging
import re
from datetime import datetime
from functools import partial
from pathlib import PurePath

from django.core.files import File
from django.db import connection, transaction
from django.db.models import Case, Value, When

from tenants.failures import describe_failure, locate_failure
from tenants.kept_files import save_whole
from tenants.models import Tenant
from uploads.acts import Doer, client_id, mark_cancelled, person_id, record_act
from uploads.bell import ring
from uploads.choices import Choices
from uploads.layout import Layout
from uploads.loaded_before import find_unanswered
from uploads.mappings import is_to_be_reviewed
from uploads.models import FileUpload, UploadAct, UploadPart
from uploads.models.upload import kept_path
from uploads.national_ids import mask_national_ids
from uploads.quota import check_room, take_place, take_room

logger = logging.getLogger(__name__)

Status, Stage, Act = FileUpload.Status, FileUpload.Stage, UploadAct.Act
Review = FileUpload.Review

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NO_TEXT = re.compile("[\ud800-\udfff]")
_LONGEST_NAME = 200


class StrangeParent(Exception):
    """The upload to be corrected belongs to another tenant."""


def create_upload(
    *,
    tenant: Tenant,
    file: "File[bytes]",
    name: str,
    uploaded_by: Doer,
    now: datetime,
    parent: FileUpload | None = None,
    queue: bool = True,
    review: Review = Review.NEVER,
    again: bool = False,
    loads_hidden: bool = False,
) -> FileUpload:
    """Keep a file and have it loaded, once it was looked at if `review` says so.

    `parent` is the upload whose refused rows it brings mended, of the same tenant:
    `StrangeParent` is raised for another's, and `QuotaExceeded` where the tenant has no
    room; then nothing is kept.

    Where the same bytes were loaded before, it waits until somebody says that it is to
    be loaded `again`: never a refusal, for a file sent again may be meant. A file that
    cannot be kept leaves a failed upload behind, so that somebody sees it.

    Rows that a workbook hides are refused, unless `loads_hidden`.
    """
    if parent is not None and parent.tenant_id != tenant.pk:
        raise StrangeParent(parent.pk)
    check_room(tenant=tenant, size_bytes=file.size)
    upload = FileUpload(
        tenant=tenant,
        uploaded_by_id=person_id(uploaded_by),
        uploaded_by_client_id=client_id(uploaded_by),
        parent=parent,
        original_name=_presentable(name),
        review=review,
        choices=(
            Choices(again=again, loads_hidden=loads_hidden).as_json()
            if again or loads_hidden
            else {}
        ),
        created_at=now,
        updated_at=now,
    )
    # A gigabyte takes a while to be copied: nobody shall wait meanwhile, neither for a
    # lock nor for a connection of the pool.
    if not connection.in_atomic_block:
        connection.close()
    try:
        _keep(upload, file)
    except Exception as exc:  # each storage raises classes of its own
        return _record_unkept(upload, exc, by=uploaded_by, now=now)
    try:
        with transaction.atomic():
            take_room(tenant=tenant, size_bytes=upload.size_bytes)
            _record_sent(upload, by=uploaded_by, now=now)
            if queue:
                transaction.on_commit(partial(ring, upload.pk))
    except BaseException:
        # No row will ever lead to it. What the database says is told, not this.
        with contextlib.suppress(Exception):
            upload.file.storage.delete(upload.file.name)
        raise
    return upload


@transaction.atomic
def pause_upload(*, upload_id: int, by: Doer, now: datetime) -> bool:
    """Have no further part taken up; False when the upload neither waits nor works.

    Parts in work are finished and counted. A file that is being read is read again
    after the pause.
    """
    paused = FileUpload.objects.filter(
        pk=upload_id, status__in=[Status.PENDING, Status.PROCESSING]
    ).update(status=Status.PAUSED, updated_at=now)
    if paused:
        record_act(upload_id, Act.PAUSED, by=by, at=now)
    return bool(paused)


@transaction.atomic
def resume_upload(*, upload_id: int, by: Doer, now: datetime) -> bool:
    """Have a paused upload go on where it was; False when it is not paused."""
    resumed = FileUpload.objects.filter(pk=upload_id, status=Status.PAUSED).update(
        status=Case(
            When(stage=Stage.FILE_UPLOAD, then=Value(Status.PENDING)),
            default=Value(Status.PROCESSING),
        ),
        updated_at=now,
    )
    if resumed:
        record_act(upload_id, Act.RESUMED, by=by, at=now)
        transaction.on_commit(partial(ring, upload_id))
    return bool(resumed)


def cancel_upload(*, upload_id: int, by: Doer, now: datetime) -> bool:
    """Stop an upload; False when it has ended already.

    Parts that are loaded stay loaded; one in work is taken back, for its worker adds
    its counts only to an upload that goes on.
    """
    return mark_cancelled(upload_id, by=by, at=now)


@transaction.atomic
def retry_upload(*, upload_id: int, by: Doer, now: datetime) -> bool:
    """Have a failed upload go on where it failed; False when there is nothing to retry.

    Parts that were loaded are done and are not loaded again. A file whose columns were
    not understood is looked at before its rows are loaded, and so is one whose bytes
    were loaded by another upload meanwhile. Raises `QuotaExceeded` where
    its tenant has as many unfinished files as it may.
    """
    failed = FileUpload.objects.select_related("tenant").filter(
        pk=upload_id, status=Status.FAILED, is_never_readable=False
    )
    found = failed.exclude(file="").first()
    if found is None:
        return False
    take_place(tenant=found.tenant)
    upload = (
        FileUpload.objects.select_for_update(no_key=True)
        .filter(pk=upload_id, status=Status.FAILED)
        .exclude(file="")
        .first()
    )
    if upload is None:
        return False
    # A part in work is its worker's, who next wants the lock held here.
    unloaded = upload.parts.exclude(status=UploadPart.Status.DONE)
    free = unloaded.select_for_update(skip_locked=True).values_list("pk", flat=True)
    upload.parts.filter(pk__in=list(free)).update(
        status=UploadPart.Status.PENDING,
        attempts=0,
        failures=0,
        error="",
        claimed_at=None,
    )
    if upload.review == Review.ON_RETRY:
        upload.review = Review.WHEN_NEW
    has_parts = upload.parts.exists()
    upload.status = Status.PROCESSING if has_parts else Status.PENDING
    upload.stage = Stage.CUSTOMER_CREATION if has_parts else Stage.FILE_UPLOAD
    if has_parts and (before := find_unanswered(upload)):
        upload.status, upload.stage = Status.REVIEW, Stage.CSV_PARSE
        upload.loaded_before = before
    upload.error, upload.attempts = "", 0
    upload.completed_at, upload.updated_at = None, now
    upload.save(
        update_fields=[
            "status", "stage", "review", "error", "attempts", "loaded_before",
            "completed_at", "updated_at",
        ]
    )  # fmt: skip
    record_act(upload.pk, Act.RETRIED, by=by, at=now)
    transaction.on_commit(partial(ring, upload.pk))
    return True


@transaction.atomic
def load_again(*, upload_id: int, by: Doer, now: datetime) -> bool:
    """Say that a file is to be loaded again; False when nobody asks.

    It starts, unless somebody has to look at it for another reason, or chose meanwhile
    how it is read: then its review starts it.
    """
    upload = (
        FileUpload.objects.select_for_update(no_key=True, of=("self",))
        .select_related("tenant", "parent")
        .filter(pk=upload_id, status=Status.REVIEW, loaded_before__isnull=False)
        .first()
    )
    if upload is None:
        return False
    layout, was_chosen = Layout.of(upload.layout), Choices.of(upload.choices).header
    upload.choices = {**upload.choices, "again": True}
    upload.loaded_before, upload.updated_at = None, now
    record_act(upload.pk, Act.AGAIN, by=by, at=now)
    is_incomplete = bool(layout.columns().missing)
    if not (was_chosen or is_incomplete or is_to_be_reviewed(upload, layout)):
        upload.status, upload.stage = Status.PROCESSING, Stage.CUSTOMER_CREATION
        upload.attempts, upload.started_at = 0, now
        transaction.on_commit(partial(ring, upload.pk))
    upload.save(
        update_fields=[
            "choices", "loaded_before", "status", "stage", "attempts", "started_at",
            "updated_at",
        ]
    )  # fmt: skip
    return True


def find_twin(upload: FileUpload) -> FileUpload | None:
    """Return the last earlier upload of the same bytes by the same tenant."""
    if not upload.sha256:  # it could not be kept: its bytes are not known
        return None
    return (
        FileUpload.objects.filter(
            tenant_id=upload.tenant_id, sha256=upload.sha256, pk__lt=upload.pk
        )
        .select_related("uploaded_by", "uploaded_by_client")
        .first()
    )


def _record_sent(upload: FileUpload, *, by: Doer, now: datetime) -> None:
    upload.save(force_insert=True)
    record_act(upload.pk, Act.SENT, by=by, at=now)
    logger.info("Created file upload record with ID: %s", upload.pk)


def _record_unkept(
    upload: FileUpload, error: Exception, *, by: Doer, now: datetime
) -> FileUpload:
    reason = getattr(error, "strerror", None)
    with transaction.atomic():
        _record_sent(upload, by=by, now=now)
        logger.error(
            "The file of upload %s could not be kept: %s\n%s",
            upload.pk,
            describe_failure(error),
            locate_failure(error),
        )
        upload.mark_failed(
            stage=Stage.FILE_UPLOAD,
            message=f"The file could not be kept: {reason or 'the storage failed'}.",
            now=now,
        )
    return upload


def _keep(upload: FileUpload, file: "File[bytes]") -> None:
    """Keep the bytes under a generated name; needs no database.

    Nothing stays of what could not be kept whole.
    """
    digest, size = hashlib.sha256(), 0
    for chunk in file.chunks():  # from the file's beginning
        digest.update(chunk)
        size += len(chunk)
    file.seek(0)
    name = kept_path(upload, upload.original_name)
    upload.file.name = save_whole(upload.file.storage, name, file)
    upload.sha256, upload.size_bytes = digest.hexdigest(), size


def _presentable(name: str) -> str:
    """Return the uploader's name of the file, fit for lists and logs."""
    plain = _CONTROLS.sub("", PurePath(name.replace("\\", "/")).name).strip()
    # On a disk a name may be bytes of another encoding than the machine's.
    plain = _NO_TEXT.sub("\ufffd", plain)
    return mask_national_ids(plain)[:_LONGEST_NAME] or "unnamed"
