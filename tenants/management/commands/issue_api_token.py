"""Let a program use the API for one tenant."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tenants.command_options import tenant_named
from tenants.models import ApiClient
from tenants.tokens import issue_token

_LONGEST_DAYS = 3650
_LONGEST_NAME = ApiClient._meta.get_field("name").max_length


class Command(BaseCommand):
    help = (
        "Print a token with which a program may use the API for a tenant. It is "
        "stored nowhere and shown only now. The admin lists who has one, and revokes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="which program it is for")
        parser.add_argument("--tenant", required=True, help="id or slug")
        parser.add_argument(
            "--days", type=int, default=365, help="how long it is good (365)"
        )
        parser.add_argument(
            "--read-only", action="store_true", help="it may change nothing"
        )
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *_args: Any, name: str, tenant: str, **options: Any) -> None:
        days, name = options["days"], name.strip()
        if not 1 <= days <= _LONGEST_DAYS:
            raise CommandError(f"--days: from 1 to {_LONGEST_DAYS}.")
        if not name or "\0" in name or len(name) > (_LONGEST_NAME or 0):
            raise CommandError(f"NAME: one to {_LONGEST_NAME} characters.")
        owner = tenant_named(tenant)
        client, token = issue_token(
            tenant=owner,
            name=name,
            days=days,
            now=timezone.now(),
            read_only=options["read_only"],
        )
        if options["json"]:
            answer = {
                "client": client.pk,
                "tenant": owner.pk,
                "expires_at": client.expires_at.isoformat(),
                "read_only": client.read_only,
                "token": token,
            }
            self.stdout.write(json.dumps(answer))
            return
        may = "which may only read, " if client.read_only else ""
        self.stderr.write(
            f"API client {client.pk}, {name}, {may}for {owner.name}, until "
            f"{timezone.localtime(client.expires_at):%Y-%m-%d}. It is not shown again:"
        )
        self.stdout.write(token)
