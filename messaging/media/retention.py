"""How long fetched files are kept."""

from datetime import datetime
from functools import partial

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet

from messaging.media.models import MessageMedia
from tenants.retention import terms_over

_AT_ONCE = 500
_REASON = "It was kept for its term, and then deleted."


def due_media(
    *, days: int, now: datetime, tenant_id: int | None = None
) -> QuerySet[MessageMedia]:
    """Return the stored files that were kept for their term.

    `days` where a tenant has no term of its own.
    """
    due = MessageMedia.objects.none()
    for one, before in terms_over(
        "keep_media_days", days=days, now=now, tenant_id=tenant_id
    ):
        due |= MessageMedia.objects.filter(tenant_id=one, stored_at__lt=before)
    return due


def purge_media(*, days: int, now: datetime, tenant_id: int | None = None) -> int:
    """Delete the files whose term is over; return how many.

    Their messages stay, and say that there was a file.
    """
    purged = 0
    while count := _purge_some(days, now, tenant_id):
        purged += count
    return purged


@transaction.atomic
def _purge_some(days: int, now: datetime, tenant_id: int | None) -> int:
    ids = due_media(days=days, now=now, tenant_id=tenant_id).values_list(
        "pk", flat=True
    )
    locked = MessageMedia.objects.select_for_update(skip_locked=True).filter(
        pk__in=list(ids[:_AT_ONCE])
    )
    rows = list(locked.order_by("pk").values_list("pk", "file"))
    MessageMedia.objects.filter(pk__in=[pk for pk, _ in rows]).update(
        status=MessageMedia.Status.EXPIRED, file="", stored_at=None, error=_REASON
    )
    for _, name in rows:
        transaction.on_commit(partial(default_storage.delete, name))
    return len(rows)
