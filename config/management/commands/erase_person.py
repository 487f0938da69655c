"""Forget a person: everything of theirs in one tenant, for good."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.erasure import OnHold, erase_person
from messaging.whatsapp.values import phone_of
from tenants.command_options import only_or_named
from tenants.models import Tenant
from uploads.erasing import StillLoading


class Command(BaseCommand):
    help = (
        "Delete everything of a person in one tenant: contact, messages, media, "
        "events' bodies, customers, kept files that name them, issues. What remains "
        "is a receipt that names nobody."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("phone", help="the number, with the country code")
        parser.add_argument("--tenant", help="id or slug; needed where there are many")
        parser.add_argument(
            "--yes", action="store_true", help="do not ask, where somebody could answer"
        )
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *_args: Any, **options: Any) -> None:
        phone = phone_of(options["phone"])
        if phone is None:
            raise CommandError("The phone number must be digits with the country code.")
        tenant = only_or_named(options["tenant"])
        if not options["yes"] and sys.stdin.isatty():
            self._ask(tenant, phone)
        try:
            receipt = erase_person(tenant=tenant, phone=phone, now=timezone.now())
        except (OnHold, StillLoading) as exc:
            raise CommandError(str(exc)) from exc
        if options["json"]:
            report = {
                "receipt": receipt.pk,
                "tenant": tenant.pk,
                "person": receipt.person_digest,
                "erased_at": receipt.erased_at.isoformat(),
                "counts": receipt.counts,
            }
            self.stdout.write(json.dumps(report, indent=2))
            return
        self.stdout.write(
            f"Receipt {receipt.pk}: {tenant.name}, {receipt.erased_at:%Y-%m-%d %H:%M} "
            f"UTC, person {receipt.person_digest[:16]}"
        )
        for name, count in receipt.counts.items():
            self.stdout.write(f"  {name.replace('_', ' '):<20}{count:>8}")

    def _ask(self, tenant: Tenant, phone: str) -> None:
        self.stdout.write(
            f"Everything that {tenant.name} knows of this person is deleted for good."
        )
        if input("Type the last four digits of the number to go on: ") != phone[-4:]:
            raise CommandError("Nothing was deleted.")
