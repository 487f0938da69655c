"""Break it and see: each fault turns its own line of the report, and no other."""

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
from cryptography.fernet import Fernet
from django.conf import settings as configured
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from config.marks import mark_alive
from config.models import ProcessMark
from config.tests.test_health import production_environment
from config.verify import CHECKS
from config.verify.report import Finding, Scope, ok, rows_of, run
from contacts.models import Contact, ContactIdentity
from messaging.models import ChatMessage, WebhookEvent
from messaging.tests.factories import (
    ChatMessageFactory,
    MessageMediaFactory,
    StoredMediaFactory,
)
from tenants.models import Tenant, WhatsAppNumber
from tenants.tests.factories import (
    MembershipFactory,
    TenantFactory,
    WhatsAppNumberFactory,
)
from uploads.tests.factories import TWO_ROWS, FileUploadFactory, load, make_upload

pytestmark = pytest.mark.django_db

Fault = Callable[[Any], object]
Lines = dict[str, dict[str, str]]


def sql(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)


def report(*arguments: str) -> Lines:
    """Run the command as a monitor does; return its lines by check."""
    out = io.StringIO()
    code = 0
    try:
        call_command("verify", "--json", *arguments, stdout=out)
    except SystemExit as end:
        code = int(str(end.code))
    answer = json.loads(out.getvalue())
    lines = {line["check"]: line for line in answer["checks"]}
    assert answer["ok"] == all(line["level"] != "FAIL" for line in lines.values())
    assert code == (0 if answer["ok"] else 1)
    return lines


def not_ok(lines: Lines) -> dict[str, str]:
    return {
        name: line["level"] for name, line in lines.items() if line["level"] != "OK"
    }


@pytest.fixture(autouse=True)
def well(settings: Any, tmp_path: Path) -> None:
    """A system in production, in which all is as it should be."""
    settings.EMBEDDED, settings.HTTPS = False, True
    settings.MEDIA_ROOT = tmp_path
    now = timezone.now()
    for kind in ProcessMark.Kind:
        mark_alive(kind=kind, name="here", now=now)
    contact = Contact.objects.create(
        tenant_id=1,
        phone_number="919876543210",
        message_count=1,
        first_message_at=now,
        last_message_at=now,
    )
    number = WhatsAppNumber.objects.create(
        tenant_id=1, phone_number_id="114620538274910", access_token="EAAB"
    )
    ChatMessageFactory.create(contact=contact, whatsapp_number=number, sent_at=now)
    WebhookEvent.objects.create(body=b"{}", status="processed", processed_at=now)
    connection.check_constraints()  # or a table could not be altered


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


@pytest.fixture
def policy_set_back(settings: Any) -> Iterator[None]:
    url = settings.REDIS_URL
    yield
    settings.REDIS_URL = url
    set_policy("noeviction", settings)


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
    "workers gone": ("workers", "FAIL", not_seen_of_late("worker")),
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
}
# The same fact seen from another side.
BESIDES = {
    "a number twice": {"schema"},
    "no unique number": {"duplicates"},
    "Redis away": {"redis-persistence"},
    "a stranger's message": {"contact-counters"},
    "no first tenant": {"orphans"},
}


def test_all_is_well() -> None:
    assert not_ok(report()) == {}


def test_a_number_that_changed_hands_is_no_duplicate() -> None:
    identity_twice(None)
    held = ContactIdentity.objects.select_related("contact").get()
    Contact.objects.filter(pk=held.contact_id).update(phone_number="919876500002")
    ContactIdentity.objects.create(
        tenant_id=1,
        contact=held.contact,
        kind="phone",
        value="919876500002",
        seen_at=held.seen_at + timedelta(days=200),
    )

    assert report()["duplicates"]["level"] == "OK"


@pytest.mark.usefixtures("policy_set_back")
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_turns_its_own_line(name: str, settings: Any) -> None:
    check, level, fault = FAULTS[name]
    with transaction.atomic():
        fault(settings)

        lines = report()

        transaction.set_rollback(True)
    turned = not_ok(lines)
    assert turned.pop(check, None) == level
    assert set(turned) <= BESIDES.get(name, set())
    assert lines[check]["next_step"]


def test_every_check_has_its_fault() -> None:
    assert {check for check, _, _ in FAULTS.values()} == set(CHECKS)


def test_a_tenants_report_looks_at_its_rows_only() -> None:
    other = MembershipFactory.create().tenant
    Contact.objects.filter(tenant_id=1).update(message_count=7)

    assert not_ok(report("--tenant=1")) == {"contact-counters": "FAIL"}
    assert "contact-counters" not in not_ok(report(f"--tenant={other.slug}"))


def test_some_checks_can_be_asked_for() -> None:
    assert list(report("--only", "redis", "workers")) == ["redis", "workers"]
    with pytest.raises(CommandError, match="invalid choice"):
        report("--only", "weather")


def test_people_read_a_line_for_each_check_and_the_next_step() -> None:
    out = io.StringIO()
    WhatsAppNumber.objects.update(access_token="")

    call_command("verify", stdout=out, no_color=True)

    assert "WARN numbers" in out.getvalue()
    assert "next: Enter one in the admin" in out.getvalue()
    assert f"{len(CHECKS)} checks: {len(CHECKS) - 1} OK, 1 WARN, 0 FAIL" in (
        out.getvalue()
    )


def test_a_check_that_takes_too_long_is_given_up_and_says_how_to_ask_again() -> None:
    def slow(scope: Scope) -> Finding:
        rows_of("SELECT pg_sleep(5)")
        return ok("awake")

    (line,) = run([("slow", slow)], scope=Scope(now=timezone.now()), seconds_each=1)

    assert (line.level, line.found) == ("WARN", "not answered within 1 s")
    assert "--only slow --seconds 600" in line.next_step


def test_the_report_of_a_database_that_is_away_is_a_report() -> None:
    ask = subprocess.run(
        [sys.executable, "manage.py", "verify", "--json"],
        cwd=configured.BASE_DIR,
        env=production_environment()
        | {
            "DATABASE_URL": "postgresql://app@127.0.0.1:1/app",
            "REDIS_URL": "redis://127.0.0.1:1/0",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    lines = {line["check"]: line for line in json.loads(ask.stdout)["checks"]}
    assert ask.returncode == 1
    assert lines["database"]["found"] == "the database does not answer"
    assert lines["redis"]["level"] == "FAIL"
    assert lines["duplicates"]["found"] == "not checked"
    assert "Traceback" not in ask.stderr + ask.stdout


@pytest.mark.parametrize("member", [True, False], ids=["staff", "nobody"])
def test_the_page_is_for_superusers(client: Client, member: bool) -> None:
    if member:
        client.force_login(MembershipFactory.create().user)

    response = client.get("/admin/verify/")

    assert response.status_code == (403 if member else 302)


def test_the_page_shows_every_check(admin_client: Client) -> None:
    Contact.objects.update(message_count=7)

    page = admin_client.get("/admin/verify/").content.decode()

    assert all(f"<code>{check}</code>" in page for check in CHECKS)
    assert "Something does not work." in page
    assert "manage.py recount_contacts" in page


def test_a_recount_sets_the_counters_right() -> None:
    sent_at = ChatMessage.objects.get().sent_at
    Contact.objects.update(message_count=7, first_message_at=None)
    call_command("recount_contacts", "--dry-run", stdout=io.StringIO())
    assert Contact.objects.get().message_count == 7

    call_command("recount_contacts", stdout=io.StringIO())

    contact = Contact.objects.get()
    assert (contact.message_count, contact.first_message_at) == (1, sent_at)
    assert not_ok(report()) == {}
