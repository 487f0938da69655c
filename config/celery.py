"""The Celery application: `celery -A config worker` and `celery -A config beat`."""

import gc
import logging
import os
from collections.abc import Iterable
from typing import Any

from celery import Celery
from celery.signals import worker_before_create_process, worker_ready
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("config")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = {
    "sweep-webhooks": {"task": "messaging.tasks.sweep", "schedule": 15.0},
    "sweep-media": {"task": "messaging.tasks.sweep_media", "schedule": 20.0},
    "purge-events": {"task": "messaging.tasks.purge_old_events", "schedule": 3600.0},
    "purge-media": {"task": "messaging.tasks.purge_old_media", "schedule": 3600.0},
    "purge-uploads": {"task": "uploads.tasks.purge_old_files", "schedule": 3600.0},
    "purge-logins": {"task": "config.tasks.purge_old_logins", "schedule": 3600.0},
    "sweep-uploads": {"task": "uploads.tasks.sweep", "schedule": 20.0},
}

# What may have come in while no worker took from a queue. An upload is swept once it
# stands still; a part that a killed worker left can be taken at once.
SWEEPS_AT_START = {
    "messages": ["messaging.tasks.sweep"],
    "files": ["uploads.tasks.sweep", "uploads.tasks.load_parts"],
    "background": ["messaging.tasks.sweep_media"],
}


@worker_ready.connect
def sweep_at_start(sender: Any, **_: Any) -> None:
    """Have a worker that has just started sweep the queues that it takes from."""
    queue_sweeps(sender.app.amqp.queues.consume_from)


def queue_sweeps(queues: Iterable[str]) -> None:
    """Queue the sweeps of these queues; what cannot be queued is left to beat."""
    for queue in queues:
        for name in SWEEPS_AT_START.get(queue, ()):
            try:
                app.tasks[name].delay()
            except OperationalError as exc:
                logger.warning("%s is left to the next sweep: %s", name, exc)


@worker_before_create_process.connect
def keep_memory_shared(**_: Any) -> None:
    """Let a worker's processes share what it has loaded, some 20 MB of each.

    A collection writes to every object that it looks at, and what is written to is
    copied; what is frozen is not looked at.
    """
    gc.collect()
    gc.freeze()
