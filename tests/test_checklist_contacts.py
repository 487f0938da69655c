"""Checklist A to line A12, as its operator goes through it.

Every query is the one an operator types into psql. A3, one command and no error in the
log, is in test_start.py with real processes.
"""

import io
import json
import logging
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from messaging.models import WebhookEvent
from tenants.models import WhatsAppNumber
from tenants.tests.factories import TenantFactory
from tests.checklists import PHONE, PHONE_NUMBER_ID, command, sql

pytestmark = pytest.mark.django_db


def stats() -> dict[str, Any]:
    (figures,) = json.loads(command("contact_stats", "--json", "--tenant=1"))["tenants"]
    return dict(figures)


def test_a1_the_unique_index_is_there() -> None:
    ((definition,),) = sql(
        "SELECT indexdef FROM pg_indexes WHERE tablename = 'contacts'"
        " AND indexname = 'contacts_tenant_id_phone_number_key'"
    )

    assert "UNIQUE" in definition
    assert "(tenant_id, phone_number)" in definition


def test_a2_tenant_1_is_there_and_can_be_inserted_again() -> None:
    assert sql("SELECT id, name FROM tenants WHERE id = 1") == [(1, "Default Tenant")]

    for tenant in ("(1, 'Default Tenant')", "(7, 'Seventh')"):
        sql(
            f"INSERT INTO tenants (id, name) VALUES {tenant}"  # noqa: S608 - ours
            " ON CONFLICT (id) DO NOTHING"
        )

    sql("DELETE FROM tenants")
    sql(
        "INSERT INTO tenants (id, name) VALUES (1, 'Default Tenant')"
        " ON CONFLICT (id) DO NOTHING"
    )
    assert sql("INSERT INTO tenants (name) VALUES ('Next') RETURNING id > 1") == [
        (True,)
    ]


@pytest.mark.django_db(transaction=True)
def test_a4_the_automated_test_gives_each_step_its_verdict(
    live_server: Any, worker: None
) -> None:
    tenant = TenantFactory.create()
    command = ["send_test_webhook", PHONE, f"--url={live_server.url}"]
    with pytest.raises((CommandError, SystemExit)):
        call_command(*command, stdout=io.StringIO())

    WhatsAppNumber.objects.create(tenant=tenant, phone_number_id=PHONE_NUMBER_ID)
    out = io.StringIO()
    call_command(*command, stdout=out)

    assert out.getvalue().count("OK") >= 4
    assert "FAIL" not in out.getvalue()
    assert sql("SELECT phone_number, message_count FROM contacts") == [(PHONE, 1)]


def test_a5_the_log_tells_of_the_upsert(
    whatsapp: Any,
    number: WhatsAppNumber,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Any,
) -> None:
    caplog.set_level(logging.INFO)

    with django_capture_on_commit_callbacks(execute=True):
        whatsapp()

    assert (
        "Upserting contact: phone=********3210, name=R***, tenant_id=1"
        in caplog.messages
    )
    assert "Contact upserted successfully for ********3210" in caplog.messages
    assert PHONE not in caplog.text


def test_a6_the_contact_has_the_profiles_name(
    whatsapp: Any, number: WhatsAppNumber
) -> None:
    whatsapp()

    ((_, tenant_id, phone, name, created_at, updated_at),) = sql(
        "SELECT id, tenant_id, phone_number, name, created_at, updated_at"
        " FROM contacts WHERE phone_number = '919876543210'"
    )
    assert (tenant_id, phone, name) == (1, PHONE, "Ravi Kumar")
    assert created_at <= updated_at


def test_a7_no_number_stands_twice_also_after_many_messages(
    whatsapp: Any, number: WhatsAppNumber
) -> None:
    for turn in range(10):
        whatsapp(f"message {turn}", wamid=f"wamid.{turn}")

    assert (
        sql(
            "SELECT phone_number, count(*) FROM contacts WHERE tenant_id = 1"
            " GROUP BY phone_number HAVING count(*) > 1"
        )
        == []
    )
    assert sql("SELECT count(*) FROM contacts") == [(1,)]


def test_a8_the_message_is_there_too(whatsapp: Any, number: WhatsAppNumber) -> None:
    whatsapp("My EMI is paid")
    whatsapp("My EMI is paid")

    assert sql(
        "SELECT wamid, direction, text, phone_number FROM chat_messages"
        " JOIN contacts ON contacts.id = contact_id"
    ) == [("wamid.1", "inbound", "My EMI is paid", PHONE)]


def test_a9_recent_contacts_and_touched_ones_are_listed(
    whatsapp: Any, number: WhatsAppNumber
) -> None:
    whatsapp()
    sql(
        "UPDATE contacts SET created_at = created_at - interval '5 minutes',"
        " updated_at = updated_at - interval '5 minutes'"
    )
    touched = "SELECT count(*) FROM contacts WHERE updated_at > created_at"
    touched += " + interval '1 minute'"
    assert sql(touched) == [(0,)]

    whatsapp("again", wamid="wamid.2")

    assert sql(touched) == [(1,)]
    assert sql(
        "SELECT count(*) FROM contacts WHERE created_at > now() - interval '1 hour'"
    ) == [(1,)]
    figures = stats()
    assert (figures["created_last_hour"], figures["touched_again"]) == (1, 1)


def test_a10_total_todays_digits_and_names(
    whatsapp: Any, number: WhatsAppNumber
) -> None:
    whatsapp()
    whatsapp(phone="919876543211", name="", wamid="wamid.2")

    assert sql(
        "SELECT count(*), count(*) FILTER (WHERE created_at::date = current_date),"
        " count(*) FILTER (WHERE name ~ '^[0-9]+$'),"
        " count(*) FILTER (WHERE name !~ '^[0-9]+$') FROM contacts"
        " WHERE tenant_id = 1"
    ) == [(2, 2, 1, 1)]
    figures = stats()
    names = ("total", "today", "only_digits", "real_names")
    assert [figures[name] for name in names] == [2, 2, 1, 1]


def test_a11_the_oldest_stays_with_every_message_and_an_undo_brings_back_the_other(
    whatsapp: Any, number: WhatsAppNumber
) -> None:
    whatsapp("My EMI is paid")
    sql("SET CONSTRAINTS ALL IMMEDIATE")  # or nothing may be dropped any more
    sql("ALTER TABLE contacts DROP CONSTRAINT contacts_tenant_id_phone_number_key")
    sql(
        "INSERT INTO contacts (tenant_id, phone_number, name, created_at)"
        " VALUES (1, '919876543210', 'Ravi', '2024-11-15')"
    )
    everybody = "SELECT id, phone_number, name, message_count FROM contacts ORDER BY id"
    before = sql(everybody)
    ((newer, *_), (oldest, *_)) = before

    assert "1 people with 1 duplicates" in command("dedupe_contacts")
    assert sql(everybody) == before

    command("dedupe_contacts", "--apply")
    assert sql("SELECT id, message_count FROM contacts") == [(oldest, 1)]
    assert sql("SELECT contact_id FROM chat_messages") == [(oldest,)]

    ((merge_id,),) = sql("SELECT id FROM contact_merges")
    command("dedupe_contacts", f"--undo={merge_id}")
    assert sql(everybody) == before
    assert sql("SELECT contact_id FROM chat_messages") == [(newer,)]


def test_a12_an_event_waits_in_words_for_its_tenant(whatsapp: Any) -> None:
    response = whatsapp()

    assert response.status_code == 200
    event = WebhookEvent.objects.get()
    assert event.status == "unroutable"
    assert PHONE_NUMBER_ID in event.error
    assert sql("SELECT count(*) FROM contacts") == [(0,)]

    WhatsAppNumber.objects.create(tenant_id=1, phone_number_id=PHONE_NUMBER_ID)
    call_command("process_webhooks", stdout=io.StringIO())

    event.refresh_from_db()
    assert (event.status, event.error) == ("processed", "")
    assert sql("SELECT phone_number FROM contacts") == [(PHONE,)]
