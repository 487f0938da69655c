"""A small installation with a row of every kind, and everybody who may ask for it."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.db import models, transaction
from django.test import Client, RequestFactory
from django.utils import timezone

from config.tests.addresses import Address
from config.tests.rows import CLOSED_MAKERS, MAKERS
from customers.models import Customer
from messaging.models import MessageMedia, WebhookEvent
from messaging.tests.factories import StoredMediaFactory, WebhookEventFactory
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory, clerk_of
from tenants.tests.programs import program_of
from uploads.models import FileUpload
from uploads.services import create_upload
from uploads.tests.factories import load, work_off

FILE = (
    "Name,Mobile,Loan Number,Outstanding Amount,State,Branch\n"
    "Asha Verma,9876543210,LN-1,500,Kerala,Kochi\n"
    "Vikram,12,LN-2,600,Goa,Panaji\n"
)
BODIES = [
    b'{"a": "\\ud800 \\u0000 \\udfff", "b": 1e999, "c": NaN}',
    b"\xff\xfe\x00 no JSON",
    b"[" * 50_000,
    b"9" * 5000,
    b'{"text": "' + b"x" * 200_000 + b'"}',
    b"",
]


@dataclass
class World:
    tenant: Tenant
    owner: User
    clients: dict[str, Client] = field(default_factory=dict)
    rows: dict[str, models.Model] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    asked: int = 0

    def rows_at(self, address: Address) -> list[dict[str, object]]:
        """Return arguments that an address has a page for, some sets of them."""
        found: list[dict[str, object]] = [{}]
        for name in address.arguments:
            values = _values_of(name, address)
            found = [{**one, name: value} for one in found for value in values]
        return found

    def actions_of(self, address: Address) -> list[str]:
        request = RequestFactory().get("/")
        request.user = self.owner
        return [*address.model_admin.get_actions(request)]

    def ask_with_cookie(self, who: str, path: str, cookie: str, value: str) -> None:
        client = self.clients[who]
        before = deepcopy(client.cookies)
        # A server hands bytes over as latin-1.
        client.cookies[cookie] = value.encode().decode("latin-1")
        self.ask(who, "get", path)
        self.ask(who, "post", path)
        client.cookies = before

    def ask(
        self, who: str, method: str, path: str, data: Any = None, **extra: Any
    ) -> Any:
        """Ask, note what must not be, and leave no trace; return the answer if any."""
        cache.clear()  # a program's requests are counted
        self.asked += 1
        client = self.clients[who]
        asked = f"{method} {_short(path)} {_short(str(data or ''))} by {who}"
        cookies = deepcopy(client.cookies)
        try:
            with _rolled_back():
                response = getattr(client, method)(path, data, **extra)
                if getattr(response, "streaming", False):
                    b"".join(response.streaming_content)
        except Exception as exc:
            self.failures.append(f"{asked}: {type(exc).__name__}: {str(exc)[:100]}")
            return None
        finally:
            client.cookies = cookies  # whoever logged out is in again
        if response.status_code >= 500:
            self.failures.append(f"{asked}: {response.status_code}")
        return response


def make_world() -> World:
    owner = User.objects.create_superuser("owner", password="secret")
    tenant, other = TenantFactory.create(), TenantFactory.create()
    world = World(tenant=tenant, owner=owner)
    for number, (label, make) in enumerate(MAKERS.items()):
        row = world.rows[label] = make(tenant)
        LogEntry.objects.create(
            user=owner,
            content_type=ContentType.objects.get_for_model(row),
            object_id=str(row.pk),
            object_repr=label,
            action_flag=CHANGE,
            change_message="[]" if number % 2 else "Changed \ud7ff",
        )
    for label, make_closed in CLOSED_MAKERS.items():
        world.rows[label] = make_closed()
    for body in BODIES:
        WebhookEventFactory.create(body=body, status="parked", error="It is odd.")
    StoredMediaFactory.create(
        message__contact__tenant=tenant, file_name="a\r\nb\u202e\U0001f4a3.jpg"
    )
    load(FILE, tenant=tenant)
    load(FILE, tenant=tenant)
    _send_for_review(tenant)
    clerk, stranger = clerk_of(tenant), clerk_of(other)
    for name, user in (("owner", owner), ("clerk", clerk), ("stranger", stranger)):
        world.clients[name] = Client()
        world.clients[name].force_login(user)
    world.clients |= {
        "anonymous": Client(),
        "program": program_of(tenant),
        "strange program": program_of(other),
    }
    return world


def _send_for_review(tenant: Tenant) -> FileUpload:
    upload = create_upload(
        tenant=tenant,
        file=ContentFile(FILE.encode()),
        name="review.csv",
        uploaded_by=None,
        now=timezone.now(),
        queue=False,
        review=FileUpload.Review.ALWAYS,
    )
    return work_off(upload)


def _values_of(name: str, address: Address) -> list[object]:
    admin = address.model_admin
    model: type[models.Model] | None = getattr(admin, "model", None)
    match name:
        case "kind":
            return ["csv", "xlsx"]
        case "app_label":
            return ["contacts", "uploads"]
        case "url":
            return ["nowhere/", "contacts/contact"]
        case "content_type_id":
            return [ContentType.objects.get_for_model(Customer).pk]
        case "object_id" | "id" if model is None:
            return [Customer.objects.latest("pk").pk]
        case "object_id" | "id":
            return _newest(model)
    for model in apps.get_models():
        if name == f"{model._meta.model_name}_id" or name == _SHORT.get(model):
            return _newest(model)
    return ["1", uuid.uuid4()]


_SHORT = {
    FileUpload: "upload_id",
    MessageMedia: "media_id",
    WebhookEvent: "event_id",
    apps.get_model("contacts.ContactMerge"): "merge_id",
    apps.get_model("uploads.ColumnMapping"): "mapping_id",
}


def _newest(model: type[models.Model]) -> list[object]:
    # Events differ by their bodies.
    most = len(BODIES) + 1 if model is WebhookEvent else 3
    return list(model._base_manager.order_by("-pk").values_list("pk", flat=True)[:most])


def _short(text: str) -> str:
    return text if len(text) < 150 else f"{text[:130]}…({len(text)})"


@contextmanager
def _rolled_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
