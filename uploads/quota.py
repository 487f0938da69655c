"""How much of the uploads' room a tenant may take: files at once, and bytes kept."""

from django.conf import settings
from django.db import connection
from django.db.models import Sum

from tenants.models import Tenant
from uploads.models import FileUpload

Status = FileUpload.Status

UNFINISHED = [Status.PENDING, Status.REVIEW, Status.PROCESSING, Status.PAUSED]
# Tells our advisory locks from others.
_QUOTA_LOCKS = 0x5558
_MB = 1_000_000


class QuotaExceeded(Exception):
    """The tenant has no room for the file; the message is fit to show to its sender."""


def take_room(*, tenant: Tenant, size_bytes: int) -> None:
    """Hold the tenant's room until the transaction ends; raises `QuotaExceeded`.

    Two who send at once wait for each other, so that one place is taken once.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, %s)",
            [_QUOTA_LOCKS, tenant.pk % (1 << 31)],
        )
    check_room(tenant=tenant, size_bytes=size_bytes)


def check_room(*, tenant: Tenant, size_bytes: int) -> None:
    """Raise `QuotaExceeded` where a tenant has no room for a file of this size."""
    own = FileUpload.objects.filter(tenant=tenant)
    most = _limit(tenant.max_unfinished_uploads, settings.UPLOAD_MAX_UNFINISHED)
    if most is not None and own.filter(status__in=UNFINISHED).count() >= most:
        raise QuotaExceeded(
            f"{tenant.name} has {most:,} files that are not finished, which is as many "
            "as it may have: start, resume or cancel those that wait for somebody, or "
            "send this one when others are loaded."
        )
    most_mb = _limit(tenant.max_kept_mb, settings.UPLOAD_MAX_KEPT_MB)
    if most_mb is None:
        return
    kept = own.exclude(file="").aggregate(bytes=Sum("size_bytes"))["bytes"] or 0
    if kept + size_bytes > most_mb * _MB:
        raise QuotaExceeded(
            f"This file of {_in_mb(size_bytes)} does not fit: the files kept for "
            f"{tenant.name} take {_in_mb(kept)} of {most_mb:,} MB. Files are deleted "
            "when their retention is over; an administrator can shorten that, or give "
            "more room, on the tenant's page."
        )


def _limit(own: int | None, everywhere: int) -> int | None:
    """Return what holds for a tenant; None: no limit."""
    return (everywhere if own is None else own) or None


def _in_mb(size_bytes: int) -> str:
    return f"{size_bytes / _MB:,.1f} MB"
