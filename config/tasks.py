"""What concerns the workers themselves."""

import socket
from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from config.logins.retention import purge_failed_logins, purge_logins
from config.marks import mark_alive
from config.models import ProcessMark

# Below the period at which beat calls it (config/celery.py), or they pile up.
_EXPIRES_SECONDS = 19
_PURGE_EXPIRES_SECONDS = 3000


@shared_task(bind=True, expires=_EXPIRES_SECONDS)
def mark_worker(self: Any) -> None:
    """Leave the mark of the worker that runs this.

    That it came here proves the whole way: beat, Redis, a worker, the database. Called
    as a function, as beat does while Redis is dead, it proves nothing and marks nobody.
    """
    if not self.request.called_directly:
        mark_alive(
            kind=ProcessMark.Kind.WORKER,
            name=self.request.hostname or socket.gethostname(),
            now=timezone.now(),
        )


@shared_task(expires=_PURGE_EXPIRES_SECONDS)
def purge_old_logins() -> None:
    """Delete records of logins whose retention is over."""
    now = timezone.now()
    purge_logins(days=settings.LOGIN_RETENTION_DAYS, now=now)
    purge_failed_logins(days=settings.LOGIN_RETENTION_DAYS, now=now)
