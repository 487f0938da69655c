"""Delete what was kept for its term: events, media, customer files, issues, logins."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
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
from uploads.retention import due_files, due_issues, purge_files, purge_issues

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
        counts = {}
        for name in chosen:
            due, purge, setting = TERMS[name]
            days = options["days"] or getattr(settings, setting)
            term: dict[str, Any] = {"days": days, "now": now}
            if tenant:
                term["tenant_id"] = tenant.pk
            counts[name] = self._count_or_purge(due, purge, term, options["dry_run"])
        if options["parked"] and "events" in chosen:
            parked = WebhookEvent.Status.PARKED
            counts["parked events"] = self._count_or_purge(
                partial(due_events, status=parked),
                partial(purge_events, status=parked),
                {"days": options["days"] or PARKED_DAYS, "now": now},
                options["dry_run"],
            )
        self._report(counts, options)

    def _count_or_purge(
        self, due: Any, purge: Any, term: dict[str, Any], dry_run: bool
    ) -> int:
        return int(due(**term).count() if dry_run else purge(**term))

    def _report(self, counts: dict[str, int], options: dict[str, Any]) -> None:
        if options["json"]:
            report = {"dry_run": options["dry_run"], "counts": counts}
            self.stdout.write(json.dumps(report))
            return
        verb = "would be deleted" if options["dry_run"] else "deleted"
        for name, count in counts.items():
            self.stdout.write(f"{name:<14}{count:>9} {verb}")
