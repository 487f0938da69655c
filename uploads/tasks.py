"""What the workers do for customer files."""

import logging
import time

from celery import shared_task
from django.conf import settings
from django.utils import timezone
from kombu.exceptions import OperationalError

from customers.search_index import index_next_lines, uploads_to_index
from tenants.failures import describe_failure, is_database_away, locate_failure
from uploads.lender_files import register_missing
from uploads.processing import (
    count_waiting_parts,
    finish_upload,
    load_next_part,
    stalled_uploads,
)
from uploads.reading import read_next_upload
from uploads.retention import purge_files, purge_issues
from uploads.watchdog import watch_own_children as watch_own_children  # by its signal
from uploads.work import forget_abandoned_work

logger = logging.getLogger(__name__)

# Then the worker is free for other uploads, and a further task goes on.
_SLICE_SECONDS = 2.0
# More of them than workers do no harm; each finds its own part.
_MOST_HELPERS = 8
# Below the period at which beat calls the sweep (config/celery.py), or they pile up.
_SWEEP_EXPIRES_SECONDS = 19
_PURGE_EXPIRES_SECONDS = 3500


@shared_task
def process_upload(upload_id: int) -> None:
    """Wake a worker because an upload waits; it works at whatever's turn it is.

    Delivered twice, the second finds nothing to do.
    """
    _call_helpers(count_waiting_parts(upload_id=upload_id) - 1)
    _work_by_turns(upload_id)
    # Its last worker may have been killed between the last part and this.
    finish_upload(upload_id=upload_id, now=timezone.now())


@shared_task
def load_parts() -> None:
    """Read files and load parts of whichever tenant's turn it is, for a short while."""
    _work_by_turns()


@shared_task(expires=_SWEEP_EXPIRES_SECONDS)
def sweep() -> None:
    """Have uploads carried on that nobody works on: lost rings, killed workers.

    The work is handed out; only where nobody can be called it is done here.
    """
    if stalled := _look_after_stalled():
        tasks = sum(
            max(count_waiting_parts(upload_id=upload_id), 1)
            for upload_id in stalled[:_MOST_HELPERS]
        )
        # Of those that no worker comes to, the next sweep sends others.
        if not _call_helpers(tasks, expires=_SWEEP_EXPIRES_SECONDS):
            _work_by_turns()
    elif uploads_to_index().exists() and not _call_helpers(
        1, expires=_SWEEP_EXPIRES_SECONDS
    ):
        _work_by_turns()
    register_missing()


def carry_on() -> None:
    """Do here what the sweep hands out: there may be no worker to do it."""
    if _look_after_stalled() or uploads_to_index().exists():
        _work_by_turns()
    register_missing()


def _look_after_stalled() -> list[int]:
    """Return the uploads that stand still, and complete those that lack no more."""
    forget_abandoned_work(now=timezone.now())
    stalled = stalled_uploads(now=timezone.now())
    for upload_id in stalled:
        try:
            finish_upload(upload_id=upload_id, now=timezone.now())
        except Exception as exc:
            if is_database_away(exc):
                raise
            # Those behind it are carried on none the less.
            logger.error(
                "Upload %s could not be completed: %s\n%s",
                upload_id,
                describe_failure(exc),
                locate_failure(exc),
            )
    if stalled:
        logger.info("%s uploads stood still and are carried on", len(stalled))
    return stalled


def _work_by_turns(upload_id: int | None = None) -> None:
    """Read a file, then load a part, and so on, until there is nothing to do.

    Then the search index of what was loaded is made, some lines at a time.

    One is not put off by the other: in between each tenant has its turn.
    """
    until = time.monotonic() + _SLICE_SECONDS
    while True:
        parts = read_next_upload(now=timezone.now(), upload_id=upload_id)
        upload_id = None
        _call_helpers((parts or 0) - 1)
        loaded = load_next_part(now=timezone.now())
        # Files that wait go first.
        if parts is None and not loaded and not _index_some_lines():
            return
        # With the broker gone nobody else would go on: then this worker does.
        if time.monotonic() > until and _queue_helper():
            return


def _index_some_lines() -> bool:
    try:
        return index_next_lines(now=timezone.now())
    except Exception as exc:
        if is_database_away(exc):
            raise
        # Loading goes on none the less; `verify` says which upload has no index.
        logger.error(
            "A search index could not be made: %s\n%s",
            describe_failure(exc),
            locate_failure(exc),
        )
        return False


@shared_task(expires=_PURGE_EXPIRES_SECONDS)
def purge_old_files() -> None:
    """Delete kept files and rows' issues whose retention is over."""
    now = timezone.now()
    purge_files(days=settings.UPLOAD_FILE_RETENTION_DAYS, now=now)
    purge_issues(days=settings.ROW_ISSUE_RETENTION_DAYS, now=now)


def _call_helpers(count: int, *, expires: int | None = None) -> bool:
    """Have so many workers come; False when none could be called."""
    called = 0
    for _ in range(min(count, _MOST_HELPERS)):
        if not _queue_helper(expires=expires):
            break
        called += 1
    return bool(called)


def _queue_helper(*, expires: int | None = None) -> bool:
    try:
        if expires is None:
            load_parts.delay()
        else:
            load_parts.apply_async(expires=expires)
    except OperationalError as exc:
        logger.warning("No further worker could be called: %s", exc)
        return False
    return True
