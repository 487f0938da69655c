"""How much of the uploads' room a tenant may take: files at once, and bytes kept."""

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Sum
from django.db.utils import OperationalError
from django.template.defaultfilters import filesizeformat
from psycopg.errors import LockNotAvailable

from tenants.models import Tenant
from uploads.models import FileUpload

Status = FileUpload.Status

UNFINISHED = [Status.PENDING, Status.REVIEW, Status.PROCESSING, Status.PAUSED]
# Tells our advisory locks from others.
_QUOTA_LOCKS = 0x5558
# Whoever has the lock only inserts a row, and somebody waits for the page.
_LOCK_WAIT = "1s"
# As `filesizeformat` has it, and so the page of an upload.
_MB = 2**20
# Beyond a tenant's limit they are counted so far; more of them are "more than".
_COUNTED_BEYOND = 1000


class QuotaExceeded(Exception):
    """The tenant has no room for the file; the message is fit to show to its sender."""


class QuotaBusy(QuotaExceeded):
    """Others take the tenant's room at this moment; in some seconds they have it."""

    def __init__(self, tenant: Tenant) -> None:
        super().__init__(
            f"Other files of {tenant.name} are being taken in at this moment: try "
            "again in some seconds."
        )


def take_room(*, tenant: Tenant, size_bytes: int) -> None:
    """Hold the tenant's room until the transaction ends; raises `QuotaExceeded`.

    Two who send at once wait for each other, a second at most, so that one place is
    taken once. The transaction should be over at once: the file is kept before it.
    """
    _lock_briefly(tenant)
    check_room(tenant=tenant, size_bytes=size_bytes)


def take_place(*, tenant: Tenant) -> None:
    """Hold the tenant's room as `take_room` does, for a file that is kept already."""
    _lock_briefly(tenant)
    _check_unfinished(tenant)


def take_bytes(*, tenant: Tenant, size_bytes: int) -> None:
    """Hold the tenant's room for a copy beside a file that has its place already.

    Waits for the lock as long as the transaction waits for any.
    """
    _lock(tenant)
    _check_kept(tenant, size_bytes, what="The copy of its rows")


def check_room(*, tenant: Tenant, size_bytes: int) -> None:
    """Raise `QuotaExceeded` where a tenant has no room for a file of this size."""
    _check_unfinished(tenant)
    _check_kept(tenant, size_bytes, what="This file")


def _lock_briefly(tenant: Tenant) -> None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [_LOCK_WAIT])
            _lock(tenant)
            cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
    except OperationalError as exc:
        if isinstance(exc.__cause__, LockNotAvailable):
            raise QuotaBusy(tenant) from exc
        raise


def _lock(tenant: Tenant) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, %s)",
            [_QUOTA_LOCKS, tenant.pk % (1 << 31)],
        )


def _check_unfinished(tenant: Tenant) -> None:
    limit = _limit(tenant.max_unfinished_uploads, settings.UPLOAD_MAX_UNFINISHED)
    if limit is None:
        return
    bound = limit + _COUNTED_BEYOND
    unfinished = FileUpload.objects.filter(tenant=tenant, status__in=UNFINISHED)
    count = unfinished.order_by()[: bound + 1].count()
    if count < limit:
        return
    files = f"more than {bound:,}" if count > bound else f"{count:,}"
    are = "file that is" if count == 1 else "files that are"
    raise QuotaExceeded(
        f"{tenant.name} has {files} {are} not finished, and may have {limit:,}: start, "
        "resume or cancel those that wait for somebody, or try again when others are "
        "loaded."
    )


def _check_kept(tenant: Tenant, size_bytes: int, *, what: str) -> None:
    limit_mb = _limit(tenant.max_kept_mb, settings.UPLOAD_MAX_KEPT_MB)
    if limit_mb is None:
        return
    files = FileUpload.objects.filter(tenant=tenant).exclude(file="")
    bytes_of = Sum(F("size_bytes") + F("rewritten_bytes"))
    kept = files.aggregate(bytes=bytes_of)["bytes"] or 0
    if kept + size_bytes > limit_mb * _MB:
        raise QuotaExceeded(
            f"{what}, of {_in_words(size_bytes)}, does not fit: the files kept for "
            f"{tenant.name} take {kept / _MB:,.1f} of {limit_mb:,} MB. Files are "
            "deleted when their retention is over; an administrator can shorten that, "
            "or give more room, on the tenant's page."
        )


def _limit(own: int | None, everywhere: int) -> int | None:
    """Return what holds for a tenant; None: no limit."""
    return (everywhere if own is None else own) or None


def _in_words(size_bytes: int) -> str:
    """Return a size as an upload's page shows it; its blank does not wrap there."""
    return filesizeformat(size_bytes).replace("\xa0", " ")
