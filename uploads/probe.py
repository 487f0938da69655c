"""Upload one customer twice and find two entries, as a member of staff would."""

import time
import uuid
from collections.abc import Iterator
from datetime import datetime

from django.core.files.base import ContentFile
from django.db import transaction

from customers.models import Customer
from tenants.models import Tenant
from tenants.steps import Step
from uploads.models import FileUpload
from uploads.services import create_upload

_POLL_SECONDS = 0.2
_PHONE = "+919876543210"
# The operators' own example: the same customer with another amount and due date.
_ROWS = ("15000,2024-11-15", "20000,2024-12-15")
_HEADER = "full_name,primary_phone,loan_number,outstanding_amount,due_date"


def probe_upload(*, tenant: Tenant, patience: float, now: datetime) -> Iterator[Step]:
    """Yield each step as it is done; the last takes everything away again.

    `patience` says for how many seconds the workers may take over each file.
    """
    loan_number = f"PROBE{uuid.uuid4().hex[:12].upper()}"
    uploads: list[FileUpload] = []
    for number, row in enumerate(_ROWS, 1):
        text = f"{_HEADER}\nTest Customer,{_PHONE},{loan_number},{row}\n"
        upload = create_upload(
            tenant=tenant,
            file=ContentFile(text.encode()),
            name="probe.csv",
            uploaded_by=None,
            now=now,
        )
        uploads.append(upload)
        step = _wait_until_over(upload, number, patience)
        yield step
        if not step.ok:
            break
    else:
        yield _two_entries(tenant, loan_number)
    removed = _clean_up(uploads)
    yield Step(
        "Cleaned up",
        True,
        f"{removed} entries and {len(uploads)} files taken away again",
    )


def _wait_until_over(upload: FileUpload, number: int, patience: float) -> Step:
    deadline = time.monotonic() + patience
    while not upload.is_over and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        upload.refresh_from_db()
    done = upload.status == FileUpload.Status.COMPLETED and upload.succeeded_rows == 1
    return Step(
        f"Upload {number} loaded",
        done,
        upload.sentence,
        "" if done else "Are workers alive? See the checks workers, beat and redis.",
    )


def _two_entries(tenant: Tenant, loan_number: str) -> Step:
    entries = list(Customer.objects.filter(tenant=tenant, loan_number=loan_number))
    ok = (
        len(entries) == 2
        and len({entry.fingerprint for entry in entries}) == 2
        and len({entry.due_date for entry in entries}) == 2
        and {entry.primary_phone for entry in entries} == {_PHONE}
    )
    return Step(
        "Two entries",
        ok,
        f"{len(entries)} entries, each with its own fingerprint and due date"
        if ok
        else f"{len(entries)} entries",
        "" if ok else "Is the constraint uix_customer_primary_phone back? See schema.",
    )


@transaction.atomic
def _clean_up(uploads: list[FileUpload]) -> int:
    ids = [upload.pk for upload in uploads]
    # The rows first: a worker that is still at one of the files finds it gone.
    list(FileUpload.objects.select_for_update().filter(pk__in=ids).order_by("pk"))
    removed, _ = Customer.objects.filter(upload_id__in=ids).delete()
    for upload in uploads:
        storage, name = upload.file.storage, upload.file.name
        upload.delete()
        storage.delete(name)
    return removed
