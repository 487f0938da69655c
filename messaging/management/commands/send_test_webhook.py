"""Checklist A4: does a message still arrive?"""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from django.utils import timezone

from messaging.probe import Step, probe
from messaging.whatsapp.values import phone_of
from tenants.models import WhatsAppNumber

DEFAULT_PHONE = "919876543210"


class Command(BaseCommand):
    help = (
        "Send a signed test message to the running server and follow it to the tables."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("phone", nargs="?", default=DEFAULT_PHONE)
        parser.add_argument("--tenant", help="id or slug; else the first with a number")
        parser.add_argument("--url", help="the server's address, if not this host's")
        parser.add_argument(
            "--patience", type=float, default=10, help="seconds a worker may take"
        )
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *_args: Any, **options: Any) -> None:
        phone = phone_of(options["phone"])
        if phone is None:
            raise CommandError("The phone number must be digits with the country code.")
        url = options["url"] or f"http://127.0.0.1:{settings.PORT}"
        if not urlsplit(url).path.strip("/"):
            url = urljoin(url, reverse("whatsapp-webhook"))
        steps = []
        for step in probe(
            number=self._number(options["tenant"]),
            phone=phone,
            url=url,
            patience=options["patience"],
            now=timezone.now(),
        ):
            steps.append(step)
            if not options["json"]:
                self._print(step)
        ok = all(step.ok for step in steps)
        if options["json"]:
            report = {"ok": ok, "steps": [asdict(step) for step in steps]}
            self.stdout.write(json.dumps(report, indent=2))
        if not ok:
            raise CommandError("The test message did not come through.")

    def _number(self, tenant: str | None) -> WhatsAppNumber:
        numbers = WhatsAppNumber.objects.select_related("tenant")
        if tenant:
            key = "tenant_id" if tenant.isdigit() else "tenant__slug"
            numbers = numbers.filter(**{key: tenant})
        number = numbers.order_by("tenant_id", "pk").first()
        if number is None:
            raise CommandError(
                "There is no WhatsApp number to write to: register one in the admin "
                "under WhatsApp numbers."
            )
        return number

    def _print(self, step: Step) -> None:
        verdict = self.style.SUCCESS("OK  ") if step.ok else self.style.ERROR("FAIL")
        self.stdout.write(f"{verdict} {step.name}: {step.found}")
        if step.next_step:
            self.stdout.write(f"     next: {step.next_step}")
