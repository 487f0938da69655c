"""How long events are kept."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import (
    BooleanField,
    Exists,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Value,
)

from messaging.models import ChatMessage, MessageStatus, WebhookEvent
from tenants.models import WhatsAppNumber

logger = logging.getLogger(__name__)

# Bodies of up to 3 MB, and the links of all they made: a short transaction each.
_BATCH = 500


def due_events(
    *,
    days: int,
    now: datetime,
    status: WebhookEvent.Status = WebhookEvent.Status.PROCESSED,
) -> QuerySet[WebhookEvent]:
    """Return the events in that status received more than `days` ago; 0: none ever.

    What a tenant on hold was told stays, also where others were told in the same POST,
    and where nothing but the event has it: address books, wishes, redeliveries.
    """
    if days <= 0:
        return WebhookEvent.objects.none()
    of_event = Q(event=OuterRef("pk"), tenant__on_hold=True)
    due = WebhookEvent.objects.filter(
        ~Exists(ChatMessage.objects.filter(of_event)),
        ~Exists(MessageStatus.objects.filter(of_event)),
        status=status,
        received_at__lt=now - timedelta(days=days),
    )
    for name in _names_on_hold():
        due = due.exclude(_Holds(Value(name), F("body")))
    return due


def purge_events(
    *,
    days: int,
    now: datetime,
    status: WebhookEvent.Status = WebhookEvent.Status.PROCESSED,
) -> int:
    """Delete the events that `due_events` returns; return how many.

    What a deleted one made stays.
    """
    deleted = 0
    while count := _purge_batch(due_events(days=days, now=now, status=status)):
        deleted += count
    if deleted:
        logger.info("Webhook events deleted after %s days: %s", days, deleted)
    return deleted


class _Holds(Func):
    """Whether a body holds these bytes."""

    template = "position(%(expressions)s) > 0"
    arg_joiner = " IN "
    output_field = BooleanField()


def _names_on_hold() -> list[bytes]:
    """Return what a body holds that may name a number or account of a tenant on hold.

    An event that is kept in doubt costs room, one that is deleted cannot be had back.
    """
    held = WhatsAppNumber.objects.filter(tenant__on_hold=True)
    ids = {id_ for row in held.values_list("phone_number_id", "waba_id") for id_ in row}
    names = [id_.encode() for id_ in sorted(ids) if id_]
    # JSON may also write digits as escapes, or the whole in two bytes a letter.
    return [*names, rb"\u00", b"\x00"] if names else []


def _purge_batch(due: QuerySet[WebhookEvent]) -> int:
    with transaction.atomic():
        # Locked, or a replay could put one back and give it new rows meanwhile.
        locked = due.select_for_update(skip_locked=True).order_by("pk")
        ids = list(locked.values_list("pk", flat=True)[:_BATCH])
        WebhookEvent.objects.filter(pk__in=ids).only("pk").delete()
    return len(ids)
