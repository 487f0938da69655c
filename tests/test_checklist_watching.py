"""Checklist A from line A13: when something is wrong, and what was wished for.

A15, rolling back, is in test_checklists.py with the rest that concerns the whole.
"""

import base64
import contextlib
import io
import json
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from messaging.events import store_event
from messaging.models import WebhookEvent
from messaging.routing import APP
from messaging.services import process_events
from tenants.models import WhatsAppNumber
from tenants.tests.factories import TenantFactory
from tests.checklists import PHONE, command, sql

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("question", "check", "answer", "step"),
    [
        ("is it running", "workers", "FAIL", "celery -A config worker"),
        ("is it running", "beat", "FAIL", "celery -A config beat"),
        ("is the webhook configured", "webhook", "WARN", "subscribed_apps"),
        ("is the database reachable", "database", "OK", ""),
        ("does the table exist", "schema", "OK", ""),
        ("what do the logs say", "events-unroutable", "FAIL", "names the number"),
    ],
)
def test_a13_verify_answers_each_question_with_the_next_step(
    question: str, check: str, answer: str, step: str, whatsapp: Any
) -> None:
    if check == "events-unroutable":
        whatsapp()

    with contextlib.suppress(SystemExit):  # 1, as something failed
        lines = io.StringIO()
        call_command("verify", "--json", "--only", check, stdout=lines)

    (line,) = json.loads(lines.getvalue())["checks"]
    assert (line["check"], line["level"]) == (check, answer)
    assert step in line["next_step"]


def test_a13_the_health_page_tells_what_is_reachable(client: Client) -> None:
    health = client.get("/healthz")

    assert health.status_code == 200
    assert health.json()["database"] == "ok"
    assert health.json()["redis"] == "ok"


def test_a14_the_stored_event_shows_the_name_and_one_set_by_hand_stays(
    whatsapp: Any,
    number: WhatsAppNumber,
    admin_client: Client,
) -> None:
    whatsapp()
    event = WebhookEvent.objects.get()

    page = admin_client.get(f"/admin/messaging/webhookevent/{event.pk}/change/")
    assert "Ravi Kumar" in page.content.decode()

    ((contact_id,),) = sql("SELECT id FROM contacts")
    admin_client.post(
        f"/admin/contacts/contact/{contact_id}/change/",
        {"name": "Ravi, Andheri", "email": "", "identities-TOTAL_FORMS": "0"}
        | {"identities-INITIAL_FORMS": "0"},
    )
    whatsapp("hello", name="Ravi K", wamid="wamid.2")

    assert sql("SELECT name FROM contacts") == [("Ravi, Andheri",)]


def test_a16_a_monitor_reads_the_report_and_its_exit_code(
    whatsapp: Any, number: WhatsAppNumber, admin_client: Client
) -> None:
    whatsapp()
    checks = ["events-pending", "events-parked", "contact-counters"]

    report = json.loads(command("verify", "--json", "--only", *checks))
    assert (report["ok"], report["level"]) == (True, "OK")
    assert [line["check"] for line in report["checks"]] == checks
    assert "Contacts" in admin_client.get("/admin/").content.decode()

    sql("UPDATE webhook_events SET status = 'parked', error = 'broken'")
    with pytest.raises(SystemExit) as ended:
        command("verify", "--json", "--only", *checks)
    assert ended.value.code == 1


def test_a17_a_messages_tenant_is_that_of_the_number_it_came_to(
    whatsapp: Any, number: WhatsAppNumber
) -> None:
    other = TenantFactory.create()
    WhatsAppNumber.objects.create(tenant=other, phone_number_id="220000000000002")

    whatsapp(phone_number_id="220000000000002")

    assert sql("SELECT tenant_id, phone_number FROM contacts") == [(other.pk, PHONE)]
    assert sql("SELECT tenant_id FROM chat_messages") == [(other.pk,)]


def test_a17_a_programs_tenant_is_that_of_its_tokens_claim(
    whatsapp: Any, number: WhatsAppNumber, client: Client
) -> None:
    whatsapp()
    other = TenantFactory.create()

    seen = []
    for tenant in ("1", other.slug):
        token = command("issue_api_token", "dialler", "--tenant", tenant).strip()
        claims = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        answer = client.get(
            "/api/v1/contacts/", headers={"Authorization": f"Bearer {token}"}
        )
        numbers = [one["phone_number"] for one in answer.json()["results"]]
        seen.append((claims["tenant"], numbers))

    assert seen == [(1, [PHONE]), (other.pk, [])]


def test_a18_an_address_comes_from_what_the_sender_states_and_from_nothing_else(
    whatsapp: Any, number: WhatsAppNumber
) -> None:
    whatsapp("write to meera@example.in")
    assert sql("SELECT email FROM contacts") == [("",)]

    answer = json.dumps({"flow_token": "t-1", "email": "ravi@example.in"})
    reply = {"name": "flow", "body": "Sent", "response_json": answer}
    whatsapp(
        wamid="wamid.2",
        type="interactive",
        interactive={"type": "nfm_reply", "nfm_reply": reply},
    )

    assert sql("SELECT email, email_source FROM contacts") == [
        ("ravi@example.in", "flow")
    ]


def test_a19_profile_pictures_are_not_offered_and_pictures_people_send_are_kept(
    whatsapp: Any, number: WhatsAppNumber
) -> None:
    picture = {"id": "1479537139650973", "mime_type": "image/jpeg", "sha256": "x"}

    whatsapp(type="image", image=picture)

    assert sql("SELECT kind FROM chat_messages") == [("image",)]
    assert sql("SELECT media_id FROM message_media") == [("1479537139650973",)]
    readme = (settings.BASE_DIR / "README.md").read_text()
    assert "offers no profile pictures" in readme


def test_a20_a_contact_knows_its_first_and_last_message_and_how_many(
    whatsapp: Any, number: WhatsAppNumber
) -> None:
    for turn, sent_at in enumerate(("1795269600", "1795266000", "1795273200")):
        whatsapp(wamid=f"wamid.{turn}", timestamp=sent_at)

    assert sql(
        "SELECT message_count, extract(epoch FROM first_message_at)::bigint,"
        " extract(epoch FROM last_message_at)::bigint FROM contacts"
    ) == [(3, 1795266000, 1795273200)]


def test_a21_ten_times_the_messages_take_as_many_statements(
    whatsapp: Any, number: WhatsAppNumber
) -> None:
    """What they take in time is measured by `make bench`."""
    body = post(whatsapp)

    assert statements_for(body, 10) == statements_for(body, 100)


def post(whatsapp: Any) -> str:
    """Return a signed body as it was stored."""
    whatsapp()
    return bytes(WebhookEvent.objects.get().body).decode()


def statements_for(body: str, count: int) -> int:
    for turn in range(count):
        other = body.replace("wamid.1", f"wamid.{count}.{turn}")
        phone = f"9198{count:04}{turn:04}"
        store_event(body=other.replace(PHONE, phone).encode(), signed_by=APP)
    with CaptureQueriesContext(connection) as queries:
        process_events(limit=500, now=timezone.now())
    return len(queries)
