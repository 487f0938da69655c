"""What concerns the workers themselves, and logins."""

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from config.logins.retention import purge_failed_logins, purge_logins

# Below the period at which beat calls it (config/celery.py), or they pile up.
_PURGE_EXPIRES_SECONDS = 3000


@shared_task
def mark_worker() -> None:
    """Do nothing: beat of earlier releases sends it, and some may lie in a queue.

    Now the end of every task leaves a mark (`config.worker_marks`).
    """


@shared_task(expires=_PURGE_EXPIRES_SECONDS)
def purge_old_logins() -> None:
    """Delete records of logins whose retention is over."""
    now = timezone.now()
    purge_logins(days=settings.LOGIN_RETENTION_DAYS, now=now)
    purge_failed_logins(days=settings.LOGIN_RETENTION_DAYS, now=now)
