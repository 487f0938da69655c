"""Give out everything that one tenant knows of a person, as JSON."""

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from config.export import export_person
from messaging.whatsapp.values import phone_of
from tenants.command_options import only_or_named


class Command(BaseCommand):
    help = "Write everything that one tenant knows of a person, as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("phone", help="the number, with the country code")
        parser.add_argument("--tenant", help="id or slug; needed where there are many")
        parser.add_argument(
            "--output", type=Path, metavar="FILE", help="a new file, for your eyes only"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        phone = phone_of(options["phone"])
        if phone is None:
            raise CommandError("The phone number must be digits with the country code.")
        found = export_person(
            tenant=only_or_named(options["tenant"]), phone=phone, now=timezone.now()
        )
        text = json.dumps(found, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)
        path = options["output"]
        if path is None:
            self.stdout.write(text)
            return
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as exc:
            raise CommandError(f"{path} cannot be written: {exc.strerror}.") from exc
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        self.stderr.write(f"Written to {path}.")
