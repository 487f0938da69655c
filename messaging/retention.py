"""How long events are kept."""

import logging
from datetime import datetime, timedelta

from django.db import transaction

from messaging.models import WebhookEvent

logger = logging.getLogger(__name__)

# Bodies of up to 3 MB, and the links of all they made: a short transaction each.
_BATCH = 500


def purge_events(*, days: int, now: datetime) -> int:
    """Delete processed events received more than `days` ago; return how many.

    An event that waits for its turn, for its number or for a person is never deleted,
    and what a deleted one made stays. No days: nothing is deleted.
    """
    if days <= 0:
        return 0
    deleted = 0
    while count := _purge_batch(received_before=now - timedelta(days=days)):
        deleted += count
    if deleted:
        logger.info("Webhook events deleted after %s days: %s", days, deleted)
    return deleted


def _purge_batch(*, received_before: datetime) -> int:
    old = WebhookEvent.objects.filter(
        status=WebhookEvent.Status.PROCESSED, received_at__lt=received_before
    )
    with transaction.atomic():
        # Locked, or a replay could put one back and give it new rows meanwhile.
        locked = old.select_for_update(skip_locked=True).order_by("received_at")
        ids = list(locked.values_list("pk", flat=True)[:_BATCH])
        WebhookEvent.objects.filter(pk__in=ids).only("pk").delete()
    return len(ids)
