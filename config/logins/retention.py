"""How long it is kept who logged in, and who failed to."""

import logging
from datetime import datetime, timedelta
from typing import Any

from axes.models import AccessAttempt, AccessLog
from django.db.models import Model, QuerySet

logger = logging.getLogger(__name__)


def due_logins(*, days: int, now: datetime) -> QuerySet[Any]:
    """Return the logins of more than `days` ago; 0: none ever."""
    return _due(AccessLog, days=days, now=now)


def due_failed_logins(*, days: int, now: datetime) -> QuerySet[Any]:
    """Return the accounts and addresses that last failed more than `days` ago."""
    return _due(AccessAttempt, days=days, now=now)


def purge_logins(*, days: int, now: datetime) -> int:
    """Delete what `due_logins` returns; return how many."""
    return _purge(due_logins(days=days, now=now), "Logins", days)


def purge_failed_logins(*, days: int, now: datetime) -> int:
    """Delete what `due_failed_logins` returns; return how many."""
    return _purge(due_failed_logins(days=days, now=now), "Failed logins", days)


def _due(model: type[Model], *, days: int, now: datetime) -> QuerySet[Any]:
    rows = model._default_manager.all()
    if days <= 0:
        return rows.none()
    return rows.filter(attempt_time__lt=now - timedelta(days=days))


def _purge(due: QuerySet[Any], what: str, days: int) -> int:
    deleted, _ = due.delete()
    if deleted:
        logger.info("%s deleted after %s days: %s", what, days, deleted)
    return deleted
