"""A small lender with people, conversations and customer files, to look around in."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.files.base import ContentFile
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from config.demo import files, webhooks
from config.staff_role import NAME as STAFF_ROLE
from customers.models import Customer
from messaging.events import store_event
from messaging.models import ChatMessage
from messaging.routing import APP
from messaging.services import process_events
from tenants.models import Membership, Tenant, WhatsAppNumber
from uploads.models import FileUpload
from uploads.processing import load_next_part
from uploads.reading import read_upload
from uploads.services import create_upload

CLERK = "priya"


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the log to warnings: nobody follows a demo line by line."""
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


class Command(BaseCommand):
    help = "Fill the first tenant with a demo. Running it again changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--password",
            help="of the demo's two logins; required with a database of your own",
        )

    def handle(self, *, password: str | None, **options: Any) -> None:
        if not settings.EMBEDDED and not password:
            raise CommandError(
                "DATABASE_URL names a database of your own. The demo makes a superuser "
                "there, so it wants a password for it: demo --password …"
            )
        # Whole or not at all: half a demo would be taken for one next time.
        with quiet(), transaction.atomic():
            tenant = self.open_business()
            made = self.make_logins(tenant, password)
            made += self.play_conversations(tenant)
            made += self.send_files(tenant)
        if made:
            self.stdout.write(f"Demo of {tenant}: {', '.join(made)}.")
        else:
            self.stdout.write("The demo is there already; nothing was changed.")

    def open_business(self) -> Tenant:
        # Under the name that the operators' checklist expects of it.
        tenant, _ = Tenant.objects.get_or_create(
            pk=1, defaults={"name": "Default Tenant", "slug": "default"}
        )
        # Its secrets may be written with another key; they are nothing to the demo.
        WhatsAppNumber.objects.defer("app_secret", "access_token").get_or_create(
            phone_number_id=webhooks.PHONE_NUMBER_ID,
            defaults={
                "tenant": tenant,
                "display_phone_number": webhooks.DISPLAY_PHONE_NUMBER,
                "waba_id": webhooks.WABA_ID,
            },
        )
        return tenant

    def make_logins(self, tenant: Tenant, password: str | None) -> list[str]:
        """Make a superuser `admin` and a clerk of this tenant; keep those there are."""
        made = []
        if not User.objects.filter(username="admin").exists():
            User.objects.create_superuser("admin", password=password or "admin")
            made.append("login admin")
        if not User.objects.filter(username=CLERK).exists():
            clerk = User.objects.create_user(
                CLERK, password=password or CLERK, first_name="Priya", is_staff=True
            )
            clerk.groups.add(*Group.objects.filter(name=STAFF_ROLE))
            Membership.objects.create(user=clerk, tenant=tenant)
            made.append(f"login {CLERK}")
        return made

    def play_conversations(self, tenant: Tenant) -> list[str]:
        """Store what Meta would have posted, and process it like any other event."""
        messages = ChatMessage.objects.filter(tenant=tenant)
        if messages.exists():
            return []
        now = timezone.now()
        for body in webhooks.bodies(now=now):
            store_event(body=body, signed_by=APP)
        while process_events(limit=500, now=timezone.now()).events:
            pass
        return [f"{messages.count()} messages", f"{tenant.contacts.count()} contacts"]

    def send_files(self, tenant: Tenant) -> list[str]:
        """Upload the files of the last two months as of then, and this month's."""
        if FileUpload.objects.filter(tenant=tenant).exists():
            return []
        today = timezone.now()
        clerk = User.objects.filter(username=CLERK).first()
        for make_file, now in (
            (files.oldest_file, today - timedelta(days=60)),
            (files.earlier_file, today - timedelta(days=30)),
            (files.later_file, today),
        ):
            name, content = make_file(timezone.localdate(today))
            upload = create_upload(
                tenant=tenant,
                file=ContentFile(content),
                name=name,
                uploaded_by=clerk,
                now=now,
                queue=False,
            )
            read_upload(upload_id=upload.pk, now=now)
            while load_next_part(now=now, upload_id=upload.pk):
                pass
        entries = Customer.objects.filter(tenant=tenant).count()
        return [f"{entries} loan entries from 3 files"]
