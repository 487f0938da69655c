"""The way back for whoever failed to log in too often."""

from argparse import ArgumentParser
from ipaddress import ip_address
from typing import Any

from axes.models import AccessAttempt
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.logins.limits import WINDOW, locked_until


def read_address(text: str) -> str:
    """Return one IP address; raises CommandError for anything else."""
    try:
        return str(ip_address(text.strip()))
    except ValueError as exc:
        raise CommandError(
            f"{text} is no address: give one as the list shows it, such as 203.0.113.7."
        ) from exc


class Command(BaseCommand):
    help = (
        "List the failed logins that count at this moment; with --user, --address or "
        "--all, forget them, so that logins are tried again at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", help="the account, as it is typed")
        parser.add_argument("--address", help="as the list shows it")
        parser.add_argument("--all", action="store_true", help="everybody")

    def handle(self, *_args: Any, **options: Any) -> None:
        attempts = AccessAttempt.objects.all()
        if options["user"]:
            attempts = attempts.filter(username=options["user"])
        if options["address"]:
            attempts = attempts.filter(ip_address=read_address(options["address"]))
        if not (options["user"] or options["address"] or options["all"]):
            self._list()
            return
        count, _ = attempts.delete()
        if not count:
            raise CommandError("No login failed there of late: nothing is locked.")
        self.stdout.write(f"Forgotten: {count}. They may log in at once.")

    def _list(self) -> None:
        now = timezone.now()
        counting = AccessAttempt.objects.filter(attempt_time__gt=now - WINDOW)
        for attempt in counting.order_by("username", "ip_address"):
            until = locked_until(
                account=attempt.username, address=attempt.ip_address, now=now
            )
            state = (
                f"locked until {timezone.localtime(until):%H:%M:%S}" if until else ""
            )
            self.stdout.write(
                f"{attempt.username!r:<24}{attempt.ip_address:<40}"
                f"{attempt.failures_since_start:>3} failed  {state}".rstrip()
            )
        if not counting:
            self.stdout.write("No login failed of late: nothing is locked.")
