"""Bring stored secrets under the newest key, so that an older one can go."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.rotation import rotate_keys


class Command(BaseCommand):
    help = (
        "Encrypt every stored secret anew under the first of FIELD_ENCRYPTION_KEYS. "
        "Put the new key first, keep the old one behind it, run this, then drop the "
        "old one. Exits with 1 when a secret cannot be read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *_args: Any, **options: Any) -> None:
        rotation = rotate_keys(dry_run=options["dry_run"])
        if options["json"]:
            self.stdout.write(json.dumps(asdict(rotation)))
        else:
            verb = "would be written" if options["dry_run"] else "written"
            self.stdout.write(
                f"{rotation.secrets} secrets, {rotation.rotated} {verb} under the "
                "newest key."
            )
        if rotation.unreadable:
            raise CommandError(
                f"Under no key that is known: {', '.join(rotation.unreadable)}. Add "
                "the missing key to FIELD_ENCRYPTION_KEYS, or enter them again."
            )
