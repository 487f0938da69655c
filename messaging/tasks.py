"""What the workers do for the queue of events."""

import logging
from typing import Any

from celery import shared_task
from celery.signals import worker_ready
from django.utils import timezone
from kombu.exceptions import OperationalError

from messaging.events import put_back_routable
from messaging.services import process_events

logger = logging.getLogger(__name__)

BATCH_SIZE = 500
# Then the worker is free for other work, and a further task goes on.
_MAX_BATCHES = 200

# A ring older than this was answered by the sweep.
_RING_EXPIRES_SECONDS = 60
# Below the period at which beat calls the sweep (config/celery.py), or they pile up.
_SWEEP_EXPIRES_SECONDS = 14


@shared_task(expires=_RING_EXPIRES_SECONDS)
def drain() -> None:
    """Process events until none is due; any number of these may run side by side."""
    for _ in range(_MAX_BATCHES):
        if not process_events(limit=BATCH_SIZE, now=timezone.now()).events:
            return
    drain.delay()


@shared_task(expires=_SWEEP_EXPIRES_SECONDS)
def sweep() -> None:
    """Take up what no bell announced: lost rings, rested failures, new numbers."""
    put_back_routable(now=timezone.now())
    drain()


@worker_ready.connect
def sweep_at_start(**_: Any) -> None:
    """Take up at once what came in while no worker ran."""
    try:
        sweep.delay()
    except OperationalError as exc:
        logger.warning("The sweep at start could not be queued: %s", exc)
