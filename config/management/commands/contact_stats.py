"""Checklist A9 and A10: how many contacts there are, how called, and who writes."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.contact_statistics import ContactStatistics, count
from tenants.command_options import tenant_named
from tenants.models import Tenant

_LINES = (
    ("contacts", "total"),
    ("  new today", "today"),
    ("  new in the last hour", "created_last_hour"),
    ("  touched again", "touched_again"),
    ("  without a phone number", "without_phone"),
    ("  came by an ad", "came_by_ad"),
    ("named by digits only", "only_digits"),
    ("with a real name", "real_names"),
    ("active in 24 hours", "active_24h"),
    ("active in 7 days", "active_7d"),
    ("active in 30 days", "active_30d"),
    ("messages in", "messages_in"),
    ("messages out", "messages_out"),
)


class Command(BaseCommand):
    help = "Count contacts and messages, exactly: per tenant, name's source and day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", help="id or slug; else all")
        parser.add_argument("--days", type=int, default=7, help="so many days singly")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not 1 <= options["days"] <= 3660:
            raise CommandError("--days is a number of days, 1 to 3660.")
        tenants = (
            [tenant_named(options["tenant"])]
            if options["tenant"]
            else list(Tenant.objects.order_by("pk"))
        )
        now = timezone.now()
        counted = [
            count(tenant=tenant, days=options["days"], now=now) for tenant in tenants
        ]
        if options["json"]:
            report = {"tenants": [asdict(one) for one in counted]}
            self.stdout.write(json.dumps(report, default=str))
            return
        for statistics in counted:
            self._print(statistics)

    def _print(self, statistics: ContactStatistics) -> None:
        self.stdout.write(f"{statistics.tenant}")
        for label, name in _LINES:
            self.stdout.write(f"  {label:<28}{getattr(statistics, name):>12,}")
        self.stdout.write("  names from")
        for source, contacts in statistics.by_source.items():
            self.stdout.write(f"    {source:<26}{contacts:>12,}")
        self.stdout.write(f"  {'day':<12}{'new':>9}{'in':>10}{'out':>10}")
        for day in statistics.days:
            self.stdout.write(
                f"  {day.day!s:<12}{day.new_contacts:>9,}{day.messages_in:>10,}"
                f"{day.messages_out:>10,}"
            )
