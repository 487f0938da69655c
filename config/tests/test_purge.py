"""`purge`: what was kept for its term goes, and only that."""

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from axes.models import AccessAttempt, AccessLog
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from config.celery import app
from config.management.commands.purge import TERMS
from customers.models import Customer
from messaging.models import MessageMedia, MessageStatus, WebhookEvent
from messaging.tests.bodies import (
    PHONE_NUMBER_ID,
    WABA_ID,
    body,
    change,
    message,
    message_body,
)
from messaging.tests.factories import (
    ChatMessageFactory,
    StoredMediaFactory,
    WebhookEventFactory,
)
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory, WhatsAppNumberFactory
from uploads.models import FileUpload, RowIssue
from uploads.tests.factories import load

NOTHING = dict.fromkeys(TERMS, 0)
FILE = "Name,Mobile\nAsha,9800000101\nRavi,12\n"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def terms(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    settings.EVENT_RETENTION_DAYS = 90
    settings.MEDIA_RETENTION_DAYS = 0
    settings.UPLOAD_FILE_RETENTION_DAYS = 90
    settings.ROW_ISSUE_RETENTION_DAYS = 365
    settings.LOGIN_RETENTION_DAYS = 90


@pytest.fixture
def commit(django_capture_on_commit_callbacks: Any) -> Any:
    return django_capture_on_commit_callbacks(execute=True)


def purge(*arguments: str) -> dict[str, int]:
    out = io.StringIO()
    call_command("purge", "--json", *arguments, stdout=out)
    counts: dict[str, int] = json.loads(out.getvalue())["counts"]
    return counts


def upload_of(tenant: Tenant, *, days_ago: int) -> FileUpload:
    upload = load(FILE, tenant=tenant)
    upload.completed_at = timezone.now() - timedelta(days=days_ago)
    upload.save(update_fields=["completed_at"])
    return upload


def event_of(tenant: Tenant, *, days_ago: int, status: str = "processed") -> None:
    event = WebhookEventFactory.create(
        status=status, received_at=timezone.now() - timedelta(days=days_ago)
    )
    ChatMessageFactory.create(contact__tenant=tenant, event=event)


def test_a_dry_run_counts_and_deletes_nothing() -> None:
    tenant = TenantFactory.create()
    upload_of(tenant, days_ago=400)
    event_of(tenant, days_ago=100)

    counts = purge("--dry-run")

    assert counts == NOTHING | {"events": 1, "files": 1, "issues": 1}
    assert WebhookEvent.objects.count() == RowIssue.objects.count() == 1
    assert FileUpload.objects.get().file


def test_what_was_kept_for_its_term_goes(commit: Any) -> None:
    tenant = TenantFactory.create()
    old, recent = upload_of(tenant, days_ago=100), upload_of(tenant, days_ago=10)
    event_of(tenant, days_ago=100)
    event_of(tenant, days_ago=10)
    kept_name = old.file.name

    with commit:
        counts = purge()

    assert counts == NOTHING | {"events": 1, "files": 1}
    old.refresh_from_db()
    recent.refresh_from_db()
    assert (bool(old.file), bool(recent.file)) == (False, True)
    assert old.purged_at is not None
    assert not default_storage.exists(kept_name)
    assert [act.act for act in old.acts.all()][-1] == "purged"
    assert Customer.objects.count() == 2
    assert WebhookEvent.objects.count() == 1


def test_a_tenants_own_terms_come_first(commit: Any) -> None:
    longer = TenantFactory.create(keep_files_days=0, keep_issues_days=0)
    shorter = TenantFactory.create(keep_files_days=5, keep_issues_days=5)
    for tenant in (longer, shorter):
        upload_of(tenant, days_ago=400 if tenant is longer else 10)

    with commit:
        purge()

    assert FileUpload.objects.exclude(file="").get().tenant == longer
    assert RowIssue.objects.get().upload.tenant == longer


def test_media_go_and_their_messages_say_so(settings: Any, commit: Any) -> None:
    settings.MEDIA_RETENTION_DAYS = 30
    old = StoredMediaFactory.create(stored_at=timezone.now() - timedelta(days=40))
    recent = StoredMediaFactory.create()

    with commit:
        assert purge()["media"] == 1

    old.refresh_from_db()
    assert (old.status, old.file.name) == ("expired", "")
    assert "its term" in old.error
    assert default_storage.listdir("media")[1] == [Path(recent.file.name).name]
    assert MessageMedia.objects.count() == 2


def test_a_tenant_on_hold_keeps_everything(settings: Any, commit: Any) -> None:
    settings.MEDIA_RETENTION_DAYS = 30
    held = TenantFactory.create(on_hold=True)
    upload_of(held, days_ago=400)
    event_of(held, days_ago=400)
    StoredMediaFactory.create(
        message__contact__tenant=held, stored_at=timezone.now() - timedelta(days=400)
    )

    with commit:
        counts = purge()

    assert set(counts.values()) == {0}


def test_a_delivery_report_of_a_tenant_on_hold_keeps_its_event() -> None:
    number = WhatsAppNumberFactory.create(tenant__on_hold=True)
    event = WebhookEventFactory.create(
        status="processed", received_at=timezone.now() - timedelta(days=400)
    )
    MessageStatus.objects.create(
        tenant=number.tenant,
        whatsapp_number=number,
        event=event,
        wamid="wamid.1",
        status="read",
        occurred_at=event.received_at,
    )

    assert purge()["events"] == 0
    assert WebhookEvent.objects.get() == event


@pytest.mark.parametrize("what", ["address book", "wish", "redelivery", "escaped"])
def test_what_only_an_event_of_a_tenant_on_hold_says_stays(what: str) -> None:
    number = WhatsAppNumberFactory.create(phone_number_id=PHONE_NUMBER_ID)
    stranger = WhatsAppNumberFactory.create(phone_number_id="1200000001", waba_id="7")
    raw = {
        "address book": body(change(field="smb_app_state_sync", state_sync=[])),
        "wish": body(change(field="user_preferences", user_preferences=[])),
        "redelivery": message_body(message("wamid.1")),
        "escaped": message_body(message("wamid.1")).replace(
            PHONE_NUMBER_ID.encode(), rb"\u0031" + PHONE_NUMBER_ID[1:].encode()
        ),
    }[what]
    theirs = message_body(message("wamid.2"), phone_number_id=stranger.phone_number_id)
    long_ago = timezone.now() - timedelta(days=400)
    kept, due = (
        WebhookEventFactory.create(status="processed", received_at=long_ago, body=one)
        for one in (raw, theirs.replace(WABA_ID.encode(), b"7"))
    )
    Tenant.objects.filter(pk=number.tenant_id).update(on_hold=True)

    assert purge()["events"] == 1

    assert not WebhookEvent.objects.filter(pk=due.pk).exists()
    Tenant.objects.update(on_hold=False)
    assert WebhookEvent.objects.get() == kept
    assert purge()["events"] == 1


def test_one_tenants_purge_leaves_the_others_alone(commit: Any) -> None:
    tenant, stranger = TenantFactory.create(), TenantFactory.create()
    for one in (tenant, stranger):
        upload_of(one, days_ago=400)
        event_of(one, days_ago=400)

    with commit:
        counts = purge(f"--tenant={tenant.slug}")

    assert counts == {"media": 0, "files": 1, "issues": 1}
    assert FileUpload.objects.exclude(file="").get().tenant == stranger
    assert RowIssue.objects.get().upload.tenant == stranger
    assert WebhookEvent.objects.count() == 2


@pytest.mark.parametrize("status", ["pending", "unroutable", "parked"])
def test_an_event_that_waits_for_something_stays(status: str) -> None:
    event_of(TenantFactory.create(), days_ago=400, status=status)

    purge()

    assert WebhookEvent.objects.count() == 1


def test_what_never_could_be_read_goes_when_asked_for() -> None:
    for days_ago in (400, 2):
        event_of(TenantFactory.create(), days_ago=days_ago, status="parked")

    assert purge("--parked")["parked events"] == 1

    assert WebhookEvent.objects.count() == 1


def test_days_can_be_given_instead_of_the_settings() -> None:
    event_of(TenantFactory.create(), days_ago=10)

    assert purge("--only", "events", "--days", "5") == {"events": 1}
    with pytest.raises(CommandError, match="no number of days"):
        purge("--days", "0")


def test_an_upload_under_way_keeps_its_file() -> None:
    tenant = TenantFactory.create(keep_files_days=1)
    upload = upload_of(tenant, days_ago=100)
    FileUpload.objects.update(status="processing", completed_at=None)

    assert purge()["files"] == 0

    upload.refresh_from_db()
    assert upload.file


def test_what_cannot_be_deleted_stops_nothing_and_is_told() -> None:
    tenant = TenantFactory.create()
    old = timezone.now() - timedelta(days=400)
    stubborn, upload = (upload_of(tenant, days_ago=400) for _ in range(2))
    medium = StoredMediaFactory.create(stored_at=old)
    StoredMediaFactory.create(stored_at=old)
    for file in (stubborn.file, medium.file):
        place = Path(file.path)
        place.unlink()
        (place / "something in the way").mkdir(parents=True)
    out = io.StringIO()

    with pytest.raises(CommandError, match="the next purge tries again"):
        call_command("purge", "--json", "--days=90", stdout=out)

    report = json.loads(out.getvalue())
    assert report["left"] == {"media": 1, "files": 1}
    assert report["counts"] == NOTHING | {"media": 1, "files": 1, "issues": 2}
    assert FileUpload.objects.exclude(file="").get() == stubborn
    medium.refresh_from_db()
    assert medium.status == "stored"

    for file in (stubborn.file, medium.file):
        (Path(file.path) / "something in the way").rmdir()
    assert purge("--days=90") == NOTHING | {"media": 1, "files": 1}
    assert upload.pk != stubborn.pk


@pytest.mark.django_db(transaction=True)
def test_events_that_somebody_locks_do_not_keep_files_from_their_purge() -> None:
    event_of(TenantFactory.create(), days_ago=400)
    upload_of(TenantFactory.create(), days_ago=400)
    out = io.StringIO()
    params = connection.get_connection_params()
    params["cursor_factory"] = psycopg.Cursor

    with psycopg.connect(**params) as other, connection.cursor() as own:
        other.execute("LOCK TABLE chat_messages IN ACCESS EXCLUSIVE MODE")
        own.execute("SET lock_timeout = '50ms'")
        with pytest.raises(CommandError, match="locked by others"):
            call_command("purge", "--json", stdout=out)
        own.execute("RESET lock_timeout")

    report = json.loads(out.getvalue())
    assert report["counts"] == NOTHING | {"files": 1, "issues": 1}
    assert report["left"] == {"events": None}


def test_logins_and_failed_ones_go(settings: Any) -> None:
    for days_ago in (100, 10):
        for model in (AccessAttempt, AccessLog):
            more = {"failures_since_start": 5} if model is AccessAttempt else {}
            row = model.objects.create(username=f"asha{days_ago}", **more)
            row.attempt_time = timezone.now() - timedelta(days=days_ago)
            row.save()
    settings.LOGIN_RETENTION_DAYS = 0
    assert purge() == NOTHING
    settings.LOGIN_RETENTION_DAYS = 90

    assert purge("--dry-run") == NOTHING | {"logins": 1, "failed-logins": 1}
    assert purge() == NOTHING | {"logins": 1, "failed-logins": 1}

    assert AccessAttempt.objects.get().username == "asha10"
    assert AccessLog.objects.get().username == "asha10"


@pytest.mark.parametrize(
    "name", ["purge-events", "purge-media", "purge-uploads", "purge-logins"]
)
def test_beat_calls_it_by_itself(name: str) -> None:
    entry = app.conf.beat_schedule[name]
    app.loader.import_default_modules()

    task = app.tasks[entry["task"]]

    assert task.expires < entry["schedule"]
    task()
