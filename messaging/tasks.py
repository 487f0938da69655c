"""What the workers do for the queues of events and of media."""

import logging

from celery import Task, shared_task
from django.conf import settings
from django.utils import timezone
from kombu.exceptions import OperationalError

from messaging.draining import drain_events
from messaging.events import put_back_routable
from messaging.media.fetching import fetch_due
from messaging.media.graph import GraphApi
from messaging.media.queue import expire_waiting, put_back_with_token
from messaging.media.retention import purge_media
from messaging.retention import purge_events

logger = logging.getLogger(__name__)

BATCH_SIZE = 500
# Some seconds' work. Then the task ends, which shows that its worker is not stuck, and
# a further one goes on.
_MAX_BATCHES = 50

# A ring older than this was answered by the sweep.
_RING_EXPIRES_SECONDS = 60
# Below the period at which beat calls the sweep (config/celery.py), or they pile up.
_SWEEP_EXPIRES_SECONDS = 14
_MEDIA_SWEEP_EXPIRES_SECONDS = 19
# With the longest fetch after it, still below the time limit of a task.
_FETCHING_SECONDS = 1800
_PURGE_EXPIRES_SECONDS = 3500


@shared_task(expires=_RING_EXPIRES_SECONDS)
def drain() -> None:
    """Process events until none is due; any number of these may run side by side."""
    outcome, is_cut_short = drain_events(
        limit=BATCH_SIZE, most_batches=_MAX_BATCHES, clock=timezone.now
    )
    if outcome.media:
        _queue(fetch_media)
    if is_cut_short:
        drain.delay()


@shared_task(expires=_SWEEP_EXPIRES_SECONDS)
def sweep() -> None:
    """Take up what no bell announced: lost rings, rested failures, new numbers."""
    put_back_routable(now=timezone.now())
    drain()


@shared_task(expires=_RING_EXPIRES_SECONDS)
def fetch_media() -> None:
    """Fetch the files of new messages; one of these works, any other ends at once."""
    fetch_due(
        graph=GraphApi(url=settings.WHATSAPP_GRAPH_URL),
        clock=timezone.now,
        seconds=_FETCHING_SECONDS,
    )


@shared_task(expires=_MEDIA_SWEEP_EXPIRES_SECONDS)
def sweep_media() -> None:
    """Take up files whose rest is over, and those whose number has a token by now."""
    put_back_with_token(now=timezone.now())
    expire_waiting(now=timezone.now())
    fetch_media()


@shared_task(expires=_PURGE_EXPIRES_SECONDS)
def purge_old_events() -> None:
    """Delete processed events whose retention is over."""
    purge_events(days=settings.EVENT_RETENTION_DAYS, now=timezone.now())


@shared_task(expires=_PURGE_EXPIRES_SECONDS)
def purge_old_media() -> None:
    """Delete fetched files whose retention is over."""
    purge_media(days=settings.MEDIA_RETENTION_DAYS, now=timezone.now())


def _queue(task: "Task[[], None]") -> None:
    try:
        task.delay()
    except OperationalError as exc:
        logger.warning("%s is left to the next sweep: %s", task.name, exc)
