"""Delete what was kept for its term: events, media, customer files, issues, logins."""

import json
import logging
from argparse import ArgumentParser, ArgumentTypeError
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone

from config.logins.retention import (
    due_failed_logins,
    due_logins,
    purge_failed_logins,
    purge_logins,
)
from messaging.media.retention import due_media, purge_media
from messaging.models import WebhookEvent
from messaging.retention import due_events, purge_events
from tenants.command_options import tenant_named
from tenants.failures import describe_failure, is_database_away
from uploads.retention import due_files, due_issues, purge_files, purge_issues

logger = logging.getLogger(__name__)

# What is due, how it goes, and the setting with its days.
TERMS: dict[str, tuple[Any, Any, str]] = {
    "events": (due_events, purge_events, "EVENT_RETENTION_DAYS"),
    "media": (due_media, purge_media, "MEDIA_RETENTION_DAYS"),
    "files": (due_files, purge_files, "UPLOAD_FILE_RETENTION_DAYS"),
    "issues": (due_issues, purge_issues, "ROW_ISSUE_RETENTION_DAYS"),
    "logins": (due_logins, purge_logins, "LOGIN_RETENTION_DAYS"),
    "failed-logins": (due_failed_logins, purge_failed_logins, "LOGIN_RETENTION_DAYS"),
}
# One POST may carry messages for several tenants, and a login is for all of its user's.
OF_NO_TENANT = ("events", "logins", "failed-logins")
PARKED_DAYS = 7


def day_count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ArgumentTypeError(f"{text!r} is no number of days: give 1 or more")
    return int(text)


class Command(BaseCommand):
    help = (
        "Delete what was kept for its term. The terms are settings, and columns of a "
        "tenant where it has its own; a tenant on hold keeps everything."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--only", nargs="+", default=list(TERMS), choices=TERMS)
        parser.add_argument(
            "--tenant", help="id or slug; events and logins belong to none"
        )
        parser.add_argument(
            "--days", type=day_count, help="instead of the settings' terms"
        )
        parser.add_argument(
            "--parked",
            action="store_true",
            help=f"events that never could be processed too, after {PARKED_DAYS} days",
        )
        parser.add_argument("--dry-run", action="store_true", help="only count")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *_args: Any, **options: Any) -> None:
        now = timezone.now()
        tenant = tenant_named(options["tenant"]) if options["tenant"] else None
        chosen = [
            name for name in options["only"] if not (tenant and name in OF_NO_TENANT)
        ]
        jobs = {}
        for name in chosen:
            due, purge, setting = TERMS[name]
            days = options["days"] or getattr(settings, setting)
            term: dict[str, Any] = {"days": days, "now": now}
            if tenant:
                term["tenant_id"] = tenant.pk
            jobs[name] = (partial(due, **term), partial(purge, **term))
        if options["parked"] and "events" in chosen:
            term = {
                "days": options["days"] or PARKED_DAYS,
                "now": now,
                "status": WebhookEvent.Status.PARKED,
            }
            jobs["parked events"] = (
                partial(due_events, **term),
                partial(purge_events, **term),
            )
        if options["dry_run"]:
            counts = {name: due().count() for name, (due, _) in jobs.items()}
            self._report(counts, {}, options)
            return
        self._purge(jobs, options)

    def _purge(self, jobs: dict[str, tuple[Any, Any]], options: dict[str, Any]) -> None:
        """Do one job after the other; raise at last if any of them left something."""
        counts: dict[str, int] = {}
        left: dict[str, int | None] = {}
        for name, (due, purge) in jobs.items():
            counts[name] = 0
            try:
                counts[name] = purge()
                if still_due := due().count():
                    left[name] = still_due
            except DatabaseError as exc:
                # A lock that somebody holds, say. The others are purged none the less.
                if is_database_away(exc):
                    raise
                left[name] = None
                logger.warning("Purge of %s failed: %s", name, describe_failure(exc))
        self._report(counts, left, options)
        if left:
            raise CommandError(
                "Not everything that is due could be deleted: it is locked by others, "
                "or the storage refuses. The log says why; the next purge tries again."
            )

    def _report(
        self,
        counts: dict[str, int],
        left: dict[str, int | None],
        options: dict[str, Any],
    ) -> None:
        if options["json"]:
            report = {"dry_run": options["dry_run"], "counts": counts, "left": left}
            self.stdout.write(json.dumps(report))
            return
        verb = "would be deleted" if options["dry_run"] else "deleted"
        for name, count in counts.items():
            still_due = ""
            if name in left:
                still_due = f", {left[name] or 'the others'} still due"
            self.stdout.write(f"{name:<14}{count:>9} {verb}{still_due}")
