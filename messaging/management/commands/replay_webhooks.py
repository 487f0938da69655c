"""Process events again: after a mistake was mended, or a number was registered."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count, Max, Min, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from messaging.bell import queue_drain
from messaging.models import WebhookEvent
from messaging.replaying import Selection, replay
from messaging.services import Outcome, process_events
from tenants.command_options import tenant_named

BATCH_SIZE = 500
_SHOWN = 20


class Command(BaseCommand):
    help = (
        "Put webhook events back in the queue. What they made before stays and is "
        "made once. Selectors narrow each other down."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--id", type=int, nargs="+", default=[], help="event ids")
        parser.add_argument("--since", help="received then or later: a day or a time")
        parser.add_argument("--until", help="received before: a day (whole) or a time")
        parser.add_argument("--number", default="", help="a phone_number_id they name")
        parser.add_argument(
            "--status",
            nargs="+",
            default=[],
            choices=WebhookEvent.Status.values,
        )
        parser.add_argument("--tenant", help="id or slug: its numbers are named")
        parser.add_argument("--all", action="store_true", help="every event there is")
        parser.add_argument("--dry-run", action="store_true", help="only say which")
        parser.add_argument(
            "--here", action="store_true", help="process what is due in this process"
        )
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *_args: Any, **options: Any) -> None:
        tenant = options["tenant"]
        selection = Selection(
            ids=tuple(options["id"]),
            received_since=_moment(options["since"]),
            received_until=_moment(options["until"], whole_day=True),
            statuses=tuple(options["status"]),
            phone_number_id=options["number"],
            tenant_id=tenant_named(tenant).pk if tenant else None,
        )
        if selection.is_everything and not options["all"]:
            raise CommandError(
                "Say which events: --id, --since, --until, --number, --status, "
                "--tenant, or --all."
            )
        events = selection.events()
        if options["dry_run"]:
            report = _preview(events)
        else:
            report = self._replay(events, here=options["here"])
        if options["json"]:
            self.stdout.write(json.dumps(report, default=str))
        else:
            self._print(report)

    def _replay(
        self, events: QuerySet[WebhookEvent], *, here: bool
    ) -> dict[str, object]:
        count = 0
        for put_back in replay(events, now=timezone.now()):
            count += put_back
            self._progress(f"{count} events queued")
        report: dict[str, object] = {"queued": count}
        if here:
            report |= asdict(self._process())
        else:
            # Without a broker the sweep finds them.
            report["worker_called"] = queue_drain()
        return report

    def _process(self) -> Outcome:
        total = Outcome()
        while (outcome := process_events(limit=BATCH_SIZE, now=timezone.now())).events:
            total += outcome
            self._progress(f"{total.events} events processed")
        return total

    def _progress(self, sentence: str) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{sentence}", ending="")

    def _print(self, report: dict[str, Any]) -> None:
        if self.stderr.isatty():
            self.stderr.write("")
        events = report.pop("events", [])
        for name, value in report.items():
            if value is None:  # the first and the last of no events
                continue
            self.stdout.write(f"{name.replace('_', ' '):<14}{value!s:>9}")
        for event in events:
            self.stdout.write(
                f"event {event['id']}  {event['received_at']:%Y-%m-%d %H:%M:%S}  "
                f"{event['status']}  attempts={event['attempts']}  "
                f"{event['error'].partition(chr(10))[0][:80]}".rstrip()
            )
        if events and len(events) < report["would_queue"]:
            self.stdout.write(f"and {report['would_queue'] - len(events)} more")


def _preview(events: QuerySet[WebhookEvent]) -> dict[str, object]:
    span = events.aggregate(
        count=Count("pk"), first=Min("received_at"), last=Max("received_at")
    )
    by_status = events.order_by().values_list("status").annotate(count=Count("pk"))
    return (
        {"would_queue": span["count"]}
        | {"first": span["first"], "last": span["last"]}
        | dict(by_status)
        | {
            "events": list(
                events.values("id", "received_at", "status", "attempts", "error")[
                    :_SHOWN
                ]
            )
        }
    )


def _moment(text: str | None, *, whole_day: bool = False) -> datetime | None:
    """Read a day or a time; without an offset it is the server's own."""
    if not text:
        return None
    try:
        day = parse_date(text)
        moment = datetime(day.year, day.month, day.day) if day else parse_datetime(text)  # noqa: DTZ001 - made aware below
    except ValueError as exc:
        raise CommandError(f"There is no such day or time: {text}") from exc
    if moment is None:
        raise CommandError(f"Not a day (2026-11-21) or a time: {text}")
    if day and whole_day:
        moment += timedelta(days=1)
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment
