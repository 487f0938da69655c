"""How far the workers are behind, and what waits for somebody."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q

from messaging.models import WebhookEvent

# Far above what a worker needs; it means that none runs.
_LATE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """`oldest` is how long the oldest event that is due has waited."""

    due: int
    oldest: timedelta | None
    resting: int
    unroutable: int
    parked: int

    @property
    def is_late(self) -> bool:
        return self.oldest is not None and self.oldest > _LATE


def read_lag(*, now: datetime) -> Lag:
    """Count what is unfinished; the indexes hold just these rows."""
    pending = WebhookEvent.objects.filter(status=WebhookEvent.Status.PENDING).aggregate(
        due=Count("pk", filter=Q(process_after__lte=now)),
        since=Min("process_after", filter=Q(process_after__lte=now)),
        resting=Count("pk", filter=Q(process_after__gt=now)),
    )
    stuck = dict(
        WebhookEvent.objects.filter(
            status__in=[WebhookEvent.Status.UNROUTABLE, WebhookEvent.Status.PARKED]
        )
        .values_list("status")
        .annotate(count=Count("pk"))
        .order_by()
    )
    return Lag(
        due=pending["due"],
        oldest=now - pending["since"] if pending["since"] else None,
        resting=pending["resting"],
        unroutable=stuck.get(WebhookEvent.Status.UNROUTABLE, 0),
        parked=stuck.get(WebhookEvent.Status.PARKED, 0),
    )
