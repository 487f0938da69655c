"""What people do with customer files: send one in, cancel it, have it tried again."""

import hashlib
import logging
import re
from datetime import datetime
from functools import partial
from pathlib import PurePath

from django.contrib.auth.models import AbstractBaseUser
from django.core.files import File
from django.db import transaction

from tenants.models import Tenant
from uploads.bell import ring
from uploads.models import FileUpload, UploadPart
from uploads.national_ids import mask_national_ids

logger = logging.getLogger(__name__)

Status, Stage = FileUpload.Status, FileUpload.Stage

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LONGEST_NAME = 200


def create_upload(
    *,
    tenant: Tenant,
    file: "File[bytes]",
    name: str,
    uploaded_by: AbstractBaseUser | None,
    now: datetime,
    queue: bool = True,
) -> FileUpload:
    """Keep a file and have it loaded.

    The same bytes sent before are worth a notice, never a refusal: a file sent again
    makes new dated entries. A file that cannot be kept leaves a failed upload behind,
    so that somebody sees it.
    """
    with transaction.atomic():
        upload = FileUpload.objects.create(
            tenant=tenant,
            uploaded_by_id=uploaded_by.pk if uploaded_by else None,
            original_name=_presentable(name),
            created_at=now,
            updated_at=now,
        )
        logger.info("Created file upload record with ID: %s", upload.pk)
        try:
            _keep(upload, file)
        except OSError as exc:
            logger.exception("The file of upload %s could not be kept", upload.pk)
            upload.mark_failed(
                stage=Stage.FILE_UPLOAD,
                message=f"The file could not be kept: {exc.strerror or 'disk error'}.",
                now=now,
            )
            return upload
        if queue:
            transaction.on_commit(partial(ring, upload.pk))
    return upload


def cancel_upload(*, upload_id: int, now: datetime) -> bool:
    """Stop an upload; False when it has ended already.

    Parts that are loaded stay loaded; one in work is taken back, for its worker adds
    its counts only to an upload that is still processing.
    """
    return bool(
        FileUpload.objects.filter(
            pk=upload_id,
            status__in=[
                Status.PENDING,
                Status.REVIEW,
                Status.PROCESSING,
                Status.PAUSED,
            ],
        ).update(status=Status.CANCELLED, completed_at=now, updated_at=now)
    )


@transaction.atomic
def retry_upload(*, upload_id: int, now: datetime) -> bool:
    """Have a failed upload go on where it failed; False when there is nothing to retry.

    Parts that were loaded are done and are not loaded again.
    """
    upload = (
        FileUpload.objects.select_for_update(no_key=True)
        .filter(pk=upload_id, status=Status.FAILED)
        .exclude(file="")
        .first()
    )
    if upload is None:
        return False
    has_parts = (
        upload.parts.exclude(status=UploadPart.Status.DONE).update(
            status=UploadPart.Status.PENDING, attempts=0, error="", claimed_at=None
        )
        or upload.parts.exists()
    )
    upload.status = Status.PROCESSING if has_parts else Status.PENDING
    upload.stage = Stage.CUSTOMER_CREATION if has_parts else Stage.FILE_UPLOAD
    upload.error, upload.attempts = "", 0
    upload.completed_at, upload.updated_at = None, now
    upload.save(
        update_fields=[
            "status", "stage", "error", "attempts", "completed_at", "updated_at",
        ]
    )  # fmt: skip
    transaction.on_commit(partial(ring, upload.pk))
    return True


def find_twin(upload: FileUpload) -> FileUpload | None:
    """Return the last earlier upload of the same bytes by the same tenant."""
    return (
        FileUpload.objects.filter(
            tenant_id=upload.tenant_id, sha256=upload.sha256, pk__lt=upload.pk
        )
        .select_related("uploaded_by")
        .first()
    )


def _keep(upload: FileUpload, file: "File[bytes]") -> None:
    """Keep the bytes under a generated name, and what they are known by."""
    digest, size = hashlib.sha256(), 0
    for chunk in file.chunks():  # from the file's beginning
        digest.update(chunk)
        size += len(chunk)
    file.seek(0)
    upload.sha256, upload.size_bytes = digest.hexdigest(), size
    upload.file.save(upload.original_name, file, save=False)
    try:
        upload.save(update_fields=["file", "size_bytes", "sha256"])
    except BaseException:
        # No row will ever lead to it.
        upload.file.storage.delete(upload.file.name)
        raise


def _presentable(name: str) -> str:
    """Return the uploader's name of the file, fit for lists and logs."""
    plain = _CONTROLS.sub("", PurePath(name.replace("\\", "/")).name).strip()
    return mask_national_ids(plain)[:_LONGEST_NAME] or "unnamed"
