"""How long fetched files are kept."""

import logging
from datetime import datetime

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import QuerySet

from messaging.media.models import MessageMedia
from tenants.failures import describe_failure
from tenants.retention import terms_over

logger = logging.getLogger(__name__)

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

    Their messages stay, and say that there was a file. What cannot be deleted is
    logged, and due again the next time.
    """
    due = due_media(days=days, now=now, tenant_id=tenant_id).order_by("pk")
    purged = last_id = 0
    while ids := list(
        due.filter(pk__gt=last_id).values_list("pk", flat=True)[:_AT_ONCE]
    ):
        purged += _purge_some(due.filter(pk__in=ids))
        last_id = ids[-1]
    return purged


@transaction.atomic
def _purge_some(due: QuerySet[MessageMedia]) -> int:
    locked = due.select_for_update(skip_locked=True)
    deleted = []
    for pk, name in list(locked.values_list("pk", "file")):
        try:
            # The files first: what was deleted without a word in the row is found
            # again.
            default_storage.delete(name)
        except Exception as exc:  # each storage raises classes of its own
            logger.warning(
                "The file of media %s cannot be deleted and is left to the next time:"
                " %s",
                pk,
                describe_failure(exc),
            )
        else:
            deleted.append(pk)
    MessageMedia.objects.filter(pk__in=deleted).update(
        status=MessageMedia.Status.EXPIRED, file="", stored_at=None, error=_REASON
    )
    return len(deleted)
