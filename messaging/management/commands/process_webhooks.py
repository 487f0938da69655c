"""The worker's job by hand: for a machine without workers, and for the impatient."""

import json
from argparse import ArgumentParser
from collections import Counter
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Count
from django.utils import timezone

from messaging.events import put_back_routable
from messaging.models import WebhookEvent
from messaging.services import Outcome, process_events

BATCH_SIZE = 500


class Command(BaseCommand):
    help = (
        "Process every webhook event that is due, of all tenants, and those whose "
        "number has been registered since."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *_args: Any, **options: Any) -> None:
        put_back_routable(now=timezone.now())
        total = Outcome()
        while (outcome := process_events(limit=BATCH_SIZE, now=timezone.now())).events:
            total += outcome
            if self.stderr.isatty():
                self.stderr.write(f"\r{total.events} events processed", ending="")
        if self.stderr.isatty() and total.events:
            self.stderr.write("")
        report = asdict(total) | {"waiting": _waiting()}
        if options["json"]:
            self.stdout.write(json.dumps(report))
            return
        for name, count in asdict(total).items():
            self.stdout.write(f"{name:<12}{count:>9}")
        for status, count in report["waiting"].items():
            self.stdout.write(f"still {status:<10}{count:>5}")


def _waiting() -> dict[str, int]:
    """Count what is left: resting before another try, without number, or parked."""
    unfinished = WebhookEvent.objects.exclude(status=WebhookEvent.Status.PROCESSED)
    counts = Counter(
        dict(unfinished.values_list("status").annotate(count=Count("pk")).order_by())
    )
    return {
        status.value: counts[status.value]
        for status in WebhookEvent.Status
        if status != WebhookEvent.Status.PROCESSED
    }
