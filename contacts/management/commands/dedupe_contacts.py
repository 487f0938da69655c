"""Checklist A11: one contact per person again, and nothing lost on the way."""

import json
import time
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError
from django.utils import timezone

from contacts.collector import no_collector
from contacts.deduplicating import merge_groups
from contacts.duplicates import (
    GROUNDS,
    Ground,
    Group,
    Suggestion,
    find_duplicates,
    suggest_duplicates,
)
from contacts.masking import for_log, name_for_log
from contacts.models import Contact, ContactMerge
from contacts.unique_number import NAME, STATEMENTS, add_unique_number
from contacts.unique_number import has_unique_number as has_index
from contacts.unmerging import MergeStands, undo_merge
from tenants.command_options import tenant_named
from tenants.models import Tenant

_SHOWN = 20


class Command(BaseCommand):
    help = (
        "Show which contacts are one person; with --apply, merge each into the "
        "oldest, messages and all. Every merge is recorded and can be undone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--apply", action="store_true", help="merge them")
        parser.add_argument("--undo", type=int, metavar="ID", help="take a merge back")
        parser.add_argument(
            "--add-index",
            action="store_true",
            help="add the unique index that an old database may lack",
        )
        parser.add_argument("--tenant", help="id or slug; else all")
        parser.add_argument(
            "--only", choices=list(Ground), help="duplicates of one kind"
        )
        parser.add_argument("--limit", type=int, help="so many groups of a tenant")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *_args: Any, **options: Any) -> None:
        tenants = _tenants(options["tenant"])
        if options["undo"] is not None:
            self._undo(options["undo"], tenants, as_json=options["json"])
            return
        grounds = frozenset([Ground(options["only"])]) if options["only"] else GROUNDS
        limit, now = options["limit"], timezone.now()
        if limit is not None and limit < 1:
            raise CommandError("--limit is a number of groups, 1 or more.")
        with no_collector():
            reports = [
                self._look_at(tenant, grounds, limit, options["apply"], now)
                for tenant in tenants
            ]
        if options["add_index"] and not has_index():
            _add_index()
        report = {
            "applied": options["apply"],
            "tenants": reports,
            "unique_index": has_index(),
        }
        if options["json"]:
            self.stdout.write(json.dumps(report, default=str))
        else:
            self._print(report)

    def _look_at(
        self,
        tenant: Tenant,
        grounds: frozenset[Ground],
        limit: int | None,
        apply: bool,
        now: datetime,
    ) -> dict[str, Any]:
        groups = find_duplicates(tenant_id=tenant.pk, grounds=grounds)
        chosen = groups[:limit]
        report: dict[str, Any] = {
            "tenant": tenant.slug,
            "tenant_id": tenant.pk,
            "groups": len(groups),
            "duplicates": sum(len(group.merged_ids) for group in groups),
        }
        if apply:
            merged = self._merge(tenant, chosen, grounds, now)
            return report | merged | {"left": len(groups) - len(chosen)}
        suggestions = list(suggest_duplicates(tenant_id=tenant.pk))
        return report | {
            "found": _described(chosen if limit else chosen[:_SHOWN]),
            "suggestions": _suggested(suggestions[: limit or _SHOWN]),
            "suggestion_count": len(suggestions),
        }

    def _merge(
        self,
        tenant: Tenant,
        groups: Sequence[Group],
        grounds: frozenset[Ground],
        now: datetime,
    ) -> dict[str, Any]:
        total = sum(len(group.merged_ids) for group in groups)
        merged = 0
        began_at = time.monotonic()
        for count in merge_groups(
            tenant_id=tenant.pk,
            groups=groups,
            grounds=grounds,
            now=now,
            clock=timezone.now,
        ):
            merged += count
            if self.stderr.isatty():
                self.stderr.write(f"\r{merged:,} of {total:,} merged", ending="")
        if self.stderr.isatty() and merged:
            self.stderr.write("")
        merges = ContactMerge.objects.filter(
            tenant=tenant, merged_at__gte=now, reason=ContactMerge.Reason.DUPLICATE
        ).order_by("pk")
        return {
            "merged": merged,
            "seconds": round(time.monotonic() - began_at, 1),
            "merges": list(
                merges.values("id", "merged_contact_id", "survivor_id")[:_SHOWN]
            ),
        }

    def _undo(self, merge_id: int, tenants: Iterable[Tenant], *, as_json: bool) -> None:
        merge = ContactMerge.objects.filter(pk=merge_id, tenant__in=tenants).first()
        if merge is None:
            raise CommandError(f"There is no merge {merge_id}.")
        try:
            undoing = undo_merge(
                merge_id=merge_id,
                tenant_id=merge.tenant_id,
                undone_by=None,
                now=timezone.now(),
            )
        except MergeStands as exc:
            if as_json:
                answer = {"undone": False, "obstacles": exc.obstacles}
                self.stdout.write(json.dumps(answer))
            reasons = "\n".join(f"- {obstacle}" for obstacle in exc.obstacles)
            raise CommandError(
                f"Merge {merge_id} stands; nothing was changed.\n{reasons}"
            ) from exc
        kept = [str(change) for change in undoing.kept]
        if as_json:
            self.stdout.write(
                json.dumps({"undone": True, "obstacles": [], "kept": kept})
            )
            return
        self.stdout.write(
            f"Merge {merge_id} is undone: contact {merge.merged_contact_id} is back, "
            f"contact {merge.survivor_id} is as before"
            f"{', but for this:' if kept else '.'}"
        )
        for sentence in kept:
            self.stdout.write(f"- {sentence}")

    def _print(self, report: dict[str, Any]) -> None:
        for one in report["tenants"]:
            self.stdout.write(
                f"{one['tenant']}: {one['groups']:,} people with "
                f"{one['duplicates']:,} duplicates"
            )
            if report["applied"]:
                self._print_merged(one)
            else:
                self._print_found(one)
        if not report["applied"]:
            self.stdout.write("Nothing was changed; --apply merges the duplicates.")
        if not report["unique_index"]:
            self.stdout.write(
                f"\nThe unique index {NAME} is missing. Once nobody is there twice, "
                "`dedupe_contacts --add-index` adds it, or in psql, outside a "
                "transaction:"
            )
            for statement in STATEMENTS:
                self.stdout.write(f"  {statement}")

    def _print_found(self, report: dict[str, Any]) -> None:
        if report["found"]:
            self.stdout.write(
                f"  {'keep':>10}  {'number':<16}{'name':<20}{'messages':>8}  "
                f"{'created':<12}{'by':<16}merge"
            )
        for group in report["found"]:
            kept, *others = group["contacts"]
            merged = ", ".join(str(other["id"]) for other in others[:5])
            more = f" and {len(others) - 5} more" if len(others) > 5 else ""
            self.stdout.write(
                f"  {kept['id']:>10}  {kept['phone'] or 'withheld':<16}"
                f"{kept['name']:<20}{kept['messages']:>8}  "
                f"{kept['created_at']:%Y-%m-%d}  {', '.join(group['by']):<16}"
                f"{merged}{more}"
            )
        if len(report["found"]) < report["groups"]:
            self.stdout.write(f"  and {report['groups'] - len(report['found']):,} more")
        if report["suggestions"]:
            self.stdout.write("  Perhaps one person, for you to judge; never merged:")
        for suggestion in report["suggestions"]:
            ids = ", ".join(str(one["id"]) for one in suggestion["contacts"])
            self.stdout.write(f"    contacts {ids}: {suggestion['why']}")
        unseen = report["suggestion_count"] - len(report["suggestions"])
        if unseen:
            self.stdout.write(f"    and {unseen:,} more")

    def _print_merged(self, report: dict[str, Any]) -> None:
        self.stdout.write(
            f"  merged {report['merged']:,} contacts in {report['seconds']} s, "
            f"{report['left']:,} people still have duplicates"
        )
        for merge in report["merges"]:
            self.stdout.write(
                f"  contact {merge['merged_contact_id']} into "
                f"{merge['survivor_id']}; back with --undo {merge['id']}"
            )
        if len(report["merges"]) < report["merged"]:
            self.stdout.write(
                f"  and {report['merged'] - len(report['merges']):,} more, in the "
                "admin under Contact merges"
            )


def _tenants(name: str | None) -> list[Tenant]:
    if name is None:
        return list(Tenant.objects.order_by("pk"))
    return [tenant_named(name)]


def _add_index() -> None:
    try:
        add_unique_number()
    except IntegrityError as exc:
        raise CommandError(
            "The unique index was not added, because a number stands twice in one "
            "tenant: merge the duplicates of all tenants first, with --apply."
        ) from exc


def _described(groups: Sequence[Group]) -> list[dict[str, Any]]:
    contacts = _people([one for group in groups for one in group.contact_ids])
    return [
        {
            "by": sorted(group.grounds),
            "contacts": [contacts[one] for one in group.contact_ids if one in contacts],
        }
        for group in groups
        if group.survivor_id in contacts
    ]


def _suggested(suggestions: Sequence[Suggestion]) -> list[dict[str, Any]]:
    contacts = _people([one for each in suggestions for one in each.contact_ids])
    return [
        {
            "why": each.why,
            "contacts": [contacts[one] for one in each.contact_ids if one in contacts],
        }
        for each in suggestions
    ]


def _people(contact_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Describe contacts for a terminal, where others may read along."""
    return {
        contact.pk: {
            "id": contact.pk,
            "phone": for_log(contact.phone_number or ""),
            "name": name_for_log(contact.name),
            "messages": contact.message_count,
            "created_at": contact.created_at,
        }
        for contact in Contact.objects.filter(pk__in=contact_ids)
    }
