"""What can be wrong with an installation: each fault, and the check that finds it."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import redis
from cryptography.fernet import Fernet
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from config.models import ProcessMark
from contacts.models import Contact, ContactIdentity
from customers.tests.indexed import index_all
from messaging.models import ChatMessage, WebhookEvent
from messaging.tests.factories import (
    MessageMediaFactory,
    StoredMediaFactory,
)
from tenants.models import Tenant, WhatsAppNumber
from tenants.tests.factories import (
    TenantFactory,
    WhatsAppNumberFactory,
)
from uploads.tests.factories import TWO_ROWS, FileUploadFactory, load, make_upload

Fault = Callable[[Any], object]


def sql(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)


def statement(text: str) -> Fault:
    return lambda settings: sql(text)


def setting(name: str, value: object) -> Fault:
    return lambda settings: setattr(settings, name, value)


def event(status: str, *, minutes: int = 10) -> Fault:
    return lambda settings: WebhookEvent.objects.create(
        body=b"{}",
        status=status,
        received_at=timezone.now() - timedelta(minutes=minutes),
    )


def not_seen_of_late(kind: str) -> Fault:
    return lambda settings: ProcessMark.objects.filter(kind=kind).update(
        seen_at=timezone.now() - timedelta(minutes=10)
    )


def no_task_ended_of_late(settings: Any) -> None:
    ProcessMark.objects.filter(kind="messages").update(
        worked_at=timezone.now() - timedelta(minutes=10)
    )


def older_key(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [
        Fernet.generate_key().decode(),
        *settings.FIELD_ENCRYPTION_KEYS,
    ]


def media(**columns: Any) -> Fault:
    return lambda settings: MessageMediaFactory.create(
        message=ChatMessage.objects.get(), **columns
    )


def stuck_upload(settings: Any) -> None:
    before = timezone.now() - timedelta(minutes=10)
    FileUploadFactory.create(tenant_id=1, status="processing", updated_at=before)


def missing_entries(settings: Any) -> None:
    FileUploadFactory.create(
        tenant_id=1, status="completed", total_rows=5, succeeded_rows=5
    )


def entry_in_no_index(settings: Any) -> None:
    indexed_upload()
    sql("DELETE FROM customer_search_terms WHERE term LIKE 'p%'")


def line_of_nobody(settings: Any) -> None:
    sql(
        "INSERT INTO customer_search_terms"
        " (tenant_id, upload_id, term, first_line, row_numbers)"
        " VALUES (1, %s, 'p510', 900, ARRAY[999])",
        indexed_upload(),
    )


def no_index_for_long(settings: Any) -> None:
    upload = load(tenant=Tenant.objects.get(pk=1))
    upload.updated_at = timezone.now() - timedelta(hours=1)
    upload.save(update_fields=["updated_at"])


def indexed_upload() -> int:
    upload = load(tenant=Tenant.objects.get(pk=1))
    index_all()
    return upload.pk


def entry_without_upload(settings: Any) -> None:
    sql(
        "INSERT INTO customers (id, tenant_id, upload_id, row_number, full_name,"
        " primary_phone, fingerprint) VALUES"
        " (gen_random_uuid(), 1, 5000, 2, 'Asha', '+919876500001', repeat('f', 32))"
    )


def message_of_a_stranger(settings: Any) -> None:
    other = TenantFactory.create()
    WhatsAppNumberFactory.create(tenant=other, access_token="EAAB")
    Contact.objects.update(tenant=other)


def same_number_twice(settings: Any) -> None:
    sql("ALTER TABLE contacts DROP CONSTRAINT contacts_tenant_id_phone_number_key")
    for _ in range(2):
        Contact.objects.create(tenant_id=1, phone_number="919876500001")


def identity_twice(settings: Any) -> None:
    """One shows a number that means another, who shows none."""
    holder = Contact.objects.create(tenant_id=1)
    Contact.objects.create(tenant_id=1, phone_number="919876500001")
    ContactIdentity.objects.create(
        tenant_id=1, contact=holder, kind="phone", value="919876500001"
    )


def set_policy(policy: str, settings: Any) -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.config_set("maxmemory-policy", policy)


def lost_upload(settings: Any) -> None:
    upload = make_upload(tenant=Tenant.objects.get(pk=1))
    default_storage.delete(upload.file.name)


def lost_rewritten_file(settings: Any) -> None:
    """A file whose rows were rewritten, and the copy is gone."""
    upload = load(TWO_ROWS.encode("utf-16"), tenant=Tenant.objects.get(pk=1))
    assert upload.rows_file != upload.file.name
    default_storage.delete(upload.rows_file)


def lost_photo(settings: Any) -> None:
    photo = StoredMediaFactory.create(message=ChatMessage.objects.get())
    default_storage.delete(photo.file.name)


FAULTS: dict[str, tuple[str, str, Fault]] = {
    "debugging": ("settings", "FAIL", setting("DEBUG", True)),
    "any host": ("settings", "FAIL", setting("ALLOWED_HOSTS", ["*"])),
    "the first password": (
        "settings",
        "FAIL",
        lambda _: User.objects.create_superuser("admin", password="admin"),
    ),
    "people in the log": ("settings", "WARN", setting("LOG_PERSONAL_DATA", True)),
    "clear text": ("settings", "WARN", setting("HTTPS", False)),
    "unsafe commits": (
        "database",
        "FAIL",
        statement("SET LOCAL synchronous_commit = off"),
    ),
    "an old database": (
        "migrations",
        "FAIL",
        statement("DELETE FROM django_migrations WHERE app = 'config'"),
    ),
    "an old release": (
        "migrations",
        "WARN",
        statement(
            "INSERT INTO django_migrations (app, name, applied)"
            " VALUES ('contacts', '9999_of_a_later_release', now())"
        ),
    ),
    "no unique fingerprint": (
        "schema",
        "FAIL",
        statement("ALTER TABLE customers DROP CONSTRAINT ix_customer_fingerprint"),
    ),
    "no index by phone": (
        "schema",
        "FAIL",
        statement("DROP INDEX ix_customer_primary_phone"),
    ),
    "no unique number": (
        "schema",
        "FAIL",
        statement(
            "ALTER TABLE contacts DROP CONSTRAINT contacts_tenant_id_phone_number_key"
        ),
    ),
    "another index by that name": (
        "schema",
        "FAIL",
        statement(
            "ALTER TABLE customers DROP CONSTRAINT ix_customer_fingerprint;"
            "CREATE INDEX ix_customer_fingerprint ON customers (fingerprint)"
        ),
    ),
    "an unfinished index": (
        "schema",
        "FAIL",
        statement(
            "UPDATE pg_index SET indisvalid = false"
            " WHERE indexrelid = 'ix_customer_state'::regclass"
        ),
    ),
    "the old unique phone": (
        "schema",
        "FAIL",
        statement(
            "ALTER TABLE customers ADD CONSTRAINT uix_customer_primary_phone"
            " UNIQUE (primary_phone)"
        ),
    ),
    "imported ids": (
        "sequences",
        "FAIL",
        statement("INSERT INTO tenants (id, name) VALUES (5000, 'Imported')"),
    ),
    "no first tenant": ("tenant-1", "FAIL", lambda _: Tenant.objects.update(id=0)),
    "Redis away": ("redis", "FAIL", setting("REDIS_URL", "redis://127.0.0.1:1/0")),
    "a forgetful Redis": (
        "redis-persistence",
        "WARN",
        partial(set_policy, "allkeys-lru"),
    ),
    "messages' worker gone": ("workers", "FAIL", not_seen_of_late("messages")),
    "files' worker gone": ("workers", "FAIL", not_seen_of_late("files")),
    "background's worker gone": ("workers", "FAIL", not_seen_of_late("background")),
    "messages' worker stuck": ("stuck", "FAIL", no_task_ended_of_late),
    "beat gone": ("beat", "FAIL", not_seen_of_late("beat")),
    "a closed folder": ("disk", "FAIL", setting("MEDIA_ROOT", "/proc/kept")),
    "no token": (
        "numbers",
        "WARN",
        lambda _: WhatsAppNumber.objects.update(access_token=""),
    ),
    "a lost key": (
        "secrets",
        "FAIL",
        setting("FIELD_ENCRYPTION_KEYS", [Fernet.generate_key().decode()]),
    ),
    "an older key": ("secrets", "WARN", older_key),
    "a silent webhook": (
        "webhook",
        "WARN",
        lambda _: WebhookEvent.objects.update(
            received_at=timezone.now() - timedelta(days=3)
        ),
    ),
    "a queue that stands": ("events-pending", "FAIL", event("pending")),
    "a queue that is slow": ("events-pending", "WARN", event("pending", minutes=2)),
    "a parked event": ("events-parked", "FAIL", event("parked")),
    "an unroutable event": ("events-unroutable", "FAIL", event("unroutable")),
    "an overdue photo": (
        "media",
        "FAIL",
        media(created_at=timezone.now() - timedelta(days=1)),
    ),
    "a photo without token": ("media", "WARN", media(status="waiting", error="-")),
    "a stuck upload": ("uploads", "FAIL", stuck_upload),
    "a failed upload": (
        "uploads",
        "WARN",
        lambda _: FileUploadFactory.create(tenant_id=1, status="failed", error="-"),
    ),
    "a lost customer file": ("kept-files", "FAIL", lost_upload),
    "a lost rewritten file": ("kept-files", "FAIL", lost_rewritten_file),
    "a lost photo": ("kept-files", "FAIL", lost_photo),
    "a number twice": ("duplicates", "FAIL", same_number_twice),
    "an identity twice": ("duplicates", "FAIL", identity_twice),
    "an entry of no upload": ("orphans", "FAIL", entry_without_upload),
    "a stranger's message": ("strangers", "FAIL", message_of_a_stranger),
    "a wrong count": (
        "contact-counters",
        "FAIL",
        lambda _: Contact.objects.update(message_count=7),
    ),
    "missing entries": ("upload-counts", "FAIL", missing_entries),
    "an entry in no index": ("search-index", "FAIL", entry_in_no_index),
    "a line of nobody": ("search-index", "FAIL", line_of_nobody),
    "no index for long": ("search-index", "WARN", no_index_for_long),
}
# The same fact seen from another side.
BESIDES = {
    "a number twice": {"schema"},
    "no unique number": {"duplicates"},
    "Redis away": {"redis-persistence"},
    "a stranger's message": {"contact-counters"},
    "no first tenant": {"orphans"},
}
