"""Break it and see: each fault turns its own line of the report, and no other."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from config.marks import mark_alive
from config.models import ProcessMark
from config.tests.faults import BESIDES, FAULTS, identity_twice, set_policy
from config.tests.test_health import production_environment
from config.verify import CHECKS
from config.verify.processes import workers_get_on
from config.verify.report import Finding, Scope, ok, rows_of, run
from contacts.models import Contact, ContactIdentity
from messaging.models import ChatMessage, WebhookEvent
from messaging.tests.factories import (
    ChatMessageFactory,
)
from tenants.models import WhatsAppNumber
from tenants.tests.factories import (
    MembershipFactory,
)
from uploads.models import UploadWork
from uploads.tests.factories import make_upload
from uploads.work import begin_reading, hold

pytestmark = pytest.mark.django_db

Lines = dict[str, dict[str, str]]


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


@pytest.fixture
def policy_set_back(settings: Any) -> Iterator[None]:
    url = settings.REDIS_URL
    yield
    settings.REDIS_URL = url
    set_policy("noeviction", settings)


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


PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
print(child.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("is_worker", [True, False], ids=["worker", "command"])
def test_the_worker_that_should_stop_a_stuck_process_is_named(is_worker: bool) -> None:
    command = ["celery", "worker"] if is_worker else ["bash"]
    with subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, "-c", PARENT, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        now = timezone.now()
        limit = timedelta(seconds=10)
        work = begin_reading(
            upload_id=make_upload().pk, limit=limit, now=now - 2 * limit
        )
        UploadWork.objects.filter(pk=work.pk).update(pid=pid)
        with transaction.atomic():
            hold(work.pk, limit=limit)
            finding = workers_get_on(Scope(now=now))
        assert parent.stdin
        parent.stdin.close()

    assert f"(process {pid}" in finding.found
    assert (f"of worker {parent.pid})" in finding.found) is is_worker
    assert (f"kill -9 {parent.pid} {pid} (the worker" in finding.next_step) is is_worker
    assert is_worker or str(parent.pid) not in finding.next_step
