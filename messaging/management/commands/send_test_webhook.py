"""Checklist A4: does a message still arrive?"""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from messaging.probe import DEFAULT_PHONE, probe
from tenants.command_options import tenant_named
from tenants.steps import Step


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
        tenant = options["tenant"]
        steps = []
        for step in probe(
            tenant=tenant_named(tenant) if tenant else None,
            phone=options["phone"],
            url=options["url"],
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

    def _print(self, step: Step) -> None:
        verdict = self.style.SUCCESS("OK  ") if step.ok else self.style.ERROR("FAIL")
        self.stdout.write(f"{verdict} {step.name}: {step.found}")
        if step.next_step:
            self.stdout.write(f"     next: {step.next_step}")
