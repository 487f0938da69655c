"""Set right what `verify` found: contacts' counters against their messages."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from messaging.recounting import find_miscounted, recount_contacts
from tenants.command_options import tenant_named

BATCH_SIZE = 1000


class Command(BaseCommand):
    help = "Count every contact's messages again and correct what is wrong."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", help="id or slug; else all of them")
        parser.add_argument("--dry-run", action="store_true", help="only count")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *_args: Any, **options: Any) -> None:
        tenant = options["tenant"]
        wrong = find_miscounted(tenant_id=tenant_named(tenant).pk if tenant else None)
        corrected = 0
        if not options["dry_run"]:
            for start in range(0, len(wrong), BATCH_SIZE):
                corrected += recount_contacts(
                    contact_ids=wrong[start : start + BATCH_SIZE], now=timezone.now()
                )
        if options["json"]:
            report = {"wrong": len(wrong), "corrected": corrected}
            self.stdout.write(json.dumps(report))
        else:
            self.stdout.write(f"{len(wrong)} contacts wrong, {corrected} corrected.")
