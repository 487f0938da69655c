"""Is all as it should be? Every check of both checklists, in one command."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.verify import CHECKS, verify
from config.verify.report import Level, Result, Scope, as_json
from messaging.probe import DEFAULT_PHONE, probe
from tenants.command_options import tenant_named
from tenants.models import Tenant
from tenants.steps import Step
from uploads.probe import probe_upload

_WIDTH = max(map(len, CHECKS))


class Command(BaseCommand):
    help = (
        "Check everything and say what to do. Exits with 1 when a check failed; "
        "warnings do not count."
    )

    requires_system_checks = ()  # the database, which they ask, may be the fault

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", help="id or slug: look at its rows only")
        parser.add_argument(
            "--only",
            nargs="+",
            default=[],
            choices=CHECKS,
            metavar="CHECK",
            help=f"some of: {', '.join(CHECKS)}",
        )
        parser.add_argument(
            "--seconds", type=int, default=60, help="the most that a check may take"
        )
        parser.add_argument(
            "--probe",
            nargs="?",
            const=DEFAULT_PHONE,
            metavar="PHONE",
            help="instead: send a signed message through HTTP, follow it to the "
            "tables, take it away again",
        )
        parser.add_argument(
            "--probe-upload",
            action="store_true",
            help="instead: upload one customer twice, find two entries, take them away",
        )
        parser.add_argument("--url", help="the server's address, for --probe")
        parser.add_argument(
            "--patience", type=float, default=30, help="seconds a probe waits"
        )
        parser.add_argument("--json", action="store_true", help="for a monitor")

    def handle(self, *_args: Any, **options: Any) -> None:
        self.quiet = options["json"]
        tenant = tenant_named(options["tenant"]) if options["tenant"] else None
        if options["probe"] or options["probe_upload"]:
            went_well = self._probe(tenant, options)
        else:
            went_well = self._check(tenant, options)
        if not went_well:
            raise SystemExit(1)

    def _check(self, tenant: Tenant | None, options: dict[str, Any]) -> bool:
        scope = Scope(now=timezone.now(), tenant_id=tenant.pk if tenant else None)
        results = []
        for result in verify(
            scope=scope, only=options["only"], seconds_each=options["seconds"]
        ):
            results.append(result)
            self._print(result)
        report = as_json(results, scope=scope)
        if self.quiet:
            self.stdout.write(json.dumps(report, indent=2))
        else:
            counts = ", ".join(
                f"{sum(result.level is level for result in results)} {level}"
                for level in Level
            )
            self.stdout.write(f"\n{len(results)} checks: {counts}")
        return bool(report["ok"])

    def _probe(self, tenant: Tenant | None, options: dict[str, Any]) -> bool:
        steps = []
        for step in self._steps(tenant, options):
            steps.append(step)
            level = Level.OK if step.ok else Level.FAIL
            self._print(
                Result(
                    check=step.name,
                    level=level,
                    found=step.found,
                    next_step=step.next_step,
                )
            )
        went_well = all(step.ok for step in steps)
        if self.quiet:
            report = {"ok": went_well, "steps": [asdict(step) for step in steps]}
            self.stdout.write(json.dumps(report, indent=2))
        return went_well

    def _steps(self, tenant: Tenant | None, options: dict[str, Any]) -> Iterator[Step]:
        if options["probe"]:
            yield from probe(
                tenant=tenant,
                phone=options["probe"],
                url=options["url"],
                patience=options["patience"],
                now=timezone.now(),
                stays=False,
            )
        if options["probe_upload"]:
            tenant = tenant or Tenant.objects.order_by("pk").first()
            if tenant is None:
                raise CommandError("There is no tenant: see the check tenant-1.")
            yield from probe_upload(
                tenant=tenant, patience=options["patience"], now=timezone.now()
            )

    def _print(self, result: Result) -> None:
        if self.quiet:
            return
        style = {
            Level.OK: self.style.SUCCESS,
            Level.WARN: self.style.WARNING,
            Level.FAIL: self.style.ERROR,
        }[result.level]
        self.stdout.write(
            f"{style(f'{result.level:<4}')} {result.check:<{_WIDTH}}  {result.found}"
        )
        if result.next_step:
            self.stdout.write(f"     {'':<{_WIDTH}}  next: {result.next_step}")
