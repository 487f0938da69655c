"""Carry on the customer files that wait, in this process."""

from typing import Any

from django.core.management.base import BaseCommand

from uploads.guard import guarded
from uploads.tasks import carry_on


class Command(BaseCommand):
    help = (
        "Read and load the files that nobody is working on, as a worker would. Beat "
        "runs it while Redis is dead. Running it twice at once is safe."
    )

    def handle(self, **options: Any) -> None:
        with guarded():
            carry_on()
