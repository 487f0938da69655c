"""Carry on the customer files that wait, in this process."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from customers.search_index import index_next_lines, remove_indexes
from tenants.command_options import tenant_named
from uploads.guard import guarded
from uploads.tasks import carry_on


class Command(BaseCommand):
    help = (
        "Read and load the files that nobody is working on, as a worker would. Beat "
        "runs it while Redis is dead. Running it twice at once is safe."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--rebuild-search-index",
            action="store_true",
            help="instead: make anew by what customers are found; loading goes on, and "
            "searches name the files that are not in it yet",
        )
        parser.add_argument(
            "--tenant", help="id or slug: rebuild the index of its files only"
        )

    def handle(self, **options: Any) -> None:
        with guarded():
            if options["rebuild_search_index"]:
                self._rebuild(options["tenant"])
            else:
                carry_on()

    def _rebuild(self, tenant: str | None) -> None:
        tenant_id = tenant_named(tenant).pk if tenant else None
        count = remove_indexes(tenant_id=tenant_id)
        while index_next_lines(now=timezone.now()):
            pass  # some lines at a time, beside any worker that does it too
        self.stdout.write(f"Made the search index of {count} uploads anew.")
