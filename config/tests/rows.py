"""A row for each page of the admin."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from axes.models import AccessAttempt, AccessLog
from django.contrib.auth.models import Group
from django.db.models import Model

from contacts.models import Contact, ContactIdentity, ContactMerge
from contacts.tests.factories import ContactFactory
from customers.models import Customer
from messaging.models import ChatMessage, MessageMedia, MessageStatus
from messaging.tests.factories import WebhookEventFactory
from tenants.models import Tenant
from tenants.tests.factories import (
    ApiClientFactory,
    StaffFactory,
    WhatsAppNumberFactory,
)
from uploads.models import ColumnMapping, FileUpload, RowIssue, UploadPart

MORNING = datetime(2026, 11, 22, 9, tzinfo=UTC)


def make_merge(tenant: Tenant) -> ContactMerge:
    return ContactMerge.objects.create(
        tenant=tenant,
        survivor=ContactFactory.create(tenant=tenant),
        merged_contact_id=987,
        merged_contact={},
        survivor_before={},
        moved={},
        reason="duplicate",
    )


def make_message(tenant: Tenant) -> ChatMessage:
    return ChatMessage.objects.create(
        tenant=tenant,
        whatsapp_number=WhatsAppNumberFactory.create(tenant=tenant),
        contact=ContactFactory.create(tenant=tenant),
        wamid="wamid.1",
        direction="inbound",
        kind="text",
        sent_at=MORNING,
    )


def make_media(tenant: Tenant) -> MessageMedia:
    message = make_message(tenant)
    return MessageMedia.objects.create(
        tenant=tenant,
        whatsapp_number=message.whatsapp_number,
        message=message,
        media_id="3355500066540417",
        expires_at=MORNING,
    )


def make_status(tenant: Tenant) -> MessageStatus:
    return MessageStatus.objects.create(
        tenant=tenant,
        whatsapp_number=WhatsAppNumberFactory.create(tenant=tenant),
        wamid="wamid.1",
        status="sent",
        occurred_at=MORNING,
    )


def make_upload(tenant: Tenant) -> FileUpload:
    return FileUpload.objects.create(
        tenant=tenant, original_name="november.csv", sha256="0" * 64
    )


def make_part(tenant: Tenant) -> UploadPart:
    return UploadPart.objects.create(
        upload=make_upload(tenant),
        number=1,
        start_byte=0,
        end_byte=9,
        first_line=2,
        row_count=1,
    )


def make_issue(tenant: Tenant) -> RowIssue:
    return RowIssue.objects.create(
        upload=make_upload(tenant), line=2, code="phone_too_short", message="Too short."
    )


def make_customer(tenant: Tenant) -> Customer:
    return Customer.objects.create(
        tenant=tenant,
        upload=make_upload(tenant),
        row_number=2,
        full_name="Asha Verma",
        primary_phone="+919876543210",
        fingerprint=uuid.uuid4().hex,
    )


def make_mapping(tenant: Tenant) -> ColumnMapping:
    return ColumnMapping.objects.create(tenant=tenant, header_fingerprint="0" * 64)


def make_identity(tenant: Tenant) -> ContactIdentity:
    return ContactIdentity.objects.create(
        tenant=tenant,
        contact=ContactFactory.create(tenant=tenant),
        kind="phone",
        value="919876543210",
    )


def make_contact(tenant: Tenant) -> Contact:
    return ContactFactory.create(tenant=tenant)


MAKERS: dict[str, Callable[[Tenant], Model]] = {
    "contacts.Contact": make_contact,
    "contacts.ContactIdentity": make_identity,
    "contacts.ContactMerge": make_merge,
    "customers.Customer": make_customer,
    "messaging.ChatMessage": make_message,
    "messaging.MessageMedia": make_media,
    "messaging.MessageStatus": make_status,
    "tenants.ApiClient": lambda tenant: ApiClientFactory.create(tenant=tenant),
    "tenants.Tenant": lambda tenant: tenant,
    "tenants.WhatsAppNumber": lambda tenant: WhatsAppNumberFactory.create(
        tenant=tenant
    ),
    "uploads.ColumnMapping": make_mapping,
    "uploads.FileUpload": make_upload,
    "uploads.RowIssue": make_issue,
    "uploads.UploadPart": make_part,
}
CLOSED_MAKERS: dict[str, Callable[[], Model]] = {
    "axes.AccessAttempt": lambda: AccessAttempt.objects.create(
        username="asha", ip_address="203.0.113.7", failures_since_start=1
    ),
    "axes.AccessLog": lambda: AccessLog.objects.create(
        username="asha", ip_address="203.0.113.7"
    ),
    "auth.Group": lambda: Group.objects.create(name="Managers"),
    "auth.User": StaffFactory.create,
    "messaging.WebhookEvent": WebhookEventFactory.create,
}
