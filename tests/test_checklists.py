"""The owner's two checklists, line by line, as their operators go through them.

Every query is the one an operator types into psql. A3, one command and no error in the
log, is in test_start.py with real processes; B9 stands in test_browser.py as well.
"""

import hashlib
import hmac
import io
import json
import logging
import re
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client

from messaging.models import WebhookEvent
from tenants.models import WhatsAppNumber
from tenants.tests.factories import TenantFactory
from uploads.models import FileUpload
from uploads.tests import reviews
from uploads.tests.factories import work_off

PHONE = "919876543210"
PHONE_NUMBER_ID = "114620538274910"
CHECKLIST_CUSTOMER = (
    "full_name,primary_phone,loan_number,outstanding_amount,due_date\n"
    "Ravi Kumar,+919876543210,LN001,{amount},{due}\n"
)

pytestmark = pytest.mark.django_db


def sql(query: str, *params: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def number() -> WhatsAppNumber:
    return WhatsAppNumber.objects.create(
        tenant_id=1, phone_number_id=PHONE_NUMBER_ID, waba_id="109283746501123"
    )


@pytest.fixture
def whatsapp(client: Client, settings: Any) -> Any:
    """Write from a phone: post what Meta posts, signed, and let the worker work."""

    def write(
        text: str = "Namaste",
        *,
        name: str = "Ravi Kumar",
        phone: str = PHONE,
        wamid: str = "wamid.1",
        phone_number_id: str = PHONE_NUMBER_ID,
    ) -> Any:
        value = {
            "messaging_product": "whatsapp",
            "metadata": {
                "display_phone_number": "919812340001",
                "phone_number_id": phone_number_id,
            },
            "contacts": [{"profile": {"name": name}, "wa_id": phone}],
            "messages": [
                {
                    "from": phone,
                    "id": wamid,
                    "timestamp": str(int(time.time())),
                    "type": "text",
                    "text": {"body": text},
                }
            ],
        }
        change = {"field": "messages", "value": value}
        entry = {"id": "109283746501123", "changes": [change]}
        body = json.dumps(
            {"object": "whatsapp_business_account", "entry": [entry]}
        ).encode()
        signature = hmac.new(
            settings.WHATSAPP_APP_SECRET[0].encode(), body, hashlib.sha256
        ).hexdigest()
        response = client.post(
            "/webhooks/whatsapp/",
            body,
            content_type="application/json",
            headers={"X-Hub-Signature-256": f"sha256={signature}"},
        )
        call_command("process_webhooks", stdout=io.StringIO())
        return response

    return write


@pytest.fixture
def import_file(tmp_path: Path, settings: Any) -> Any:
    """Upload a customer file and let the worker work; return its upload."""
    settings.MEDIA_ROOT = tmp_path / "kept"

    def upload(text: str, *, name: str = "customers.csv") -> FileUpload:
        path = tmp_path / name
        path.write_text(text)
        call_command(
            "import_customers",
            str(path),
            "--tenant=1",
            "--here",
            "--allow-failed",
            stdout=io.StringIO(),
        )
        return FileUpload.objects.latest("id")

    return upload


class TestContacts:
    """Checklist A."""

    def test_a1_the_unique_index_is_there(self) -> None:
        ((definition,),) = sql(
            "SELECT indexdef FROM pg_indexes WHERE tablename = 'contacts'"
            " AND indexname = 'contacts_tenant_id_phone_number_key'"
        )

        assert "UNIQUE" in definition
        assert "(tenant_id, phone_number)" in definition

    def test_a2_tenant_1_is_there_and_can_be_inserted_again(self) -> None:
        assert sql("SELECT id, name FROM tenants WHERE id = 1") == [
            (1, "Default Tenant")
        ]

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
        self, live_server: Any, worker: None
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
        self,
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
        self, whatsapp: Any, number: WhatsAppNumber
    ) -> None:
        whatsapp()

        ((_, tenant_id, phone, name, created_at, updated_at),) = sql(
            "SELECT id, tenant_id, phone_number, name, created_at, updated_at"
            " FROM contacts WHERE phone_number = '919876543210'"
        )
        assert (tenant_id, phone, name) == (1, PHONE, "Ravi Kumar")
        assert created_at <= updated_at

    def test_a7_no_number_stands_twice_also_after_many_messages(
        self, whatsapp: Any, number: WhatsAppNumber
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

    def test_a8_the_message_is_there_too(
        self, whatsapp: Any, number: WhatsAppNumber
    ) -> None:
        whatsapp("My EMI is paid")
        whatsapp("My EMI is paid")

        assert sql(
            "SELECT wamid, direction, text, phone_number FROM chat_messages"
            " JOIN contacts ON contacts.id = contact_id"
        ) == [("wamid.1", "inbound", "My EMI is paid", PHONE)]

    def test_a9_recent_contacts_and_touched_ones_are_listed(
        self, whatsapp: Any, number: WhatsAppNumber
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

    def test_a10_total_todays_digits_and_names(
        self, whatsapp: Any, number: WhatsAppNumber
    ) -> None:
        whatsapp()
        whatsapp(phone="919876543211", name="", wamid="wamid.2")

        assert sql(
            "SELECT count(*), count(*) FILTER (WHERE created_at::date = current_date),"
            " count(*) FILTER (WHERE name ~ '^[0-9]+$'),"
            " count(*) FILTER (WHERE name !~ '^[0-9]+$') FROM contacts"
            " WHERE tenant_id = 1"
        ) == [(2, 2, 1, 1)]

    def test_a12_an_event_waits_in_words_for_its_tenant(self, whatsapp: Any) -> None:
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

    def test_a13_the_health_page_tells_what_is_reachable(self, client: Client) -> None:
        health = client.get("/healthz")

        assert health.status_code == 200
        assert health.json()["database"] == "ok"
        assert health.json()["redis"] == "ok"

    def test_a14_the_stored_event_shows_the_name_and_one_set_by_hand_stays(
        self,
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


class TestUploads:
    """Checklist B."""

    def test_b1_the_phone_is_no_longer_unique(self) -> None:
        assert (
            sql(
                "SELECT constraint_name FROM information_schema.table_constraints"
                " WHERE table_name = 'customers' AND constraint_type = 'UNIQUE'"
                " AND constraint_name = 'uix_customer_primary_phone'"
            )
            == []
        )

    def test_b2_the_same_customer_twice_makes_two_entries(
        self, import_file: Any
    ) -> None:
        first = import_file(
            CHECKLIST_CUSTOMER.format(amount='"₹15,000"', due="2024-11-15")
        )
        second = import_file(
            CHECKLIST_CUSTOMER.format(amount='"₹20,000"', due="2024-12-15")
        )

        assert {first.status, second.status} == {"completed"}
        rows = sql(
            "SELECT primary_phone, fingerprint, outstanding_amount::text,"
            " due_date::text FROM customers ORDER BY created_at"
        )
        assert [row[2:] for row in rows] == [
            ("15000.00", "2024-11-15"),
            ("20000.00", "2024-12-15"),
        ]
        assert {row[0] for row in rows} == {"+919876543210"}
        assert len({row[1] for row in rows}) == 2

    def test_b3_the_same_file_again_makes_new_entries(
        self, import_file: Any, tmp_path: Path
    ) -> None:
        text = CHECKLIST_CUSTOMER.format(amount=15000, due="2024-11-15")
        import_file(text)
        out = io.StringIO()

        call_command(
            "import_customers",
            str(tmp_path / "customers.csv"),
            "--tenant=1",
            "--here",
            stdout=out,
        )

        assert "Upload completed: 1 successful, 0 failed" in out.getvalue()
        assert sql("SELECT count(*), count(DISTINCT fingerprint) FROM customers") == [
            (2, 2)
        ]

    def test_b4_every_entry_of_a_phone_newest_first(self, import_file: Any) -> None:
        for due in ("2024-11-15", "2024-12-15", "2025-01-15"):
            import_file(CHECKLIST_CUSTOMER.format(amount=15000, due=due))

        rows = sql(
            "SELECT full_name, primary_phone, created_at, fingerprint FROM customers"
            " WHERE primary_phone LIKE '%%9876543210' ORDER BY created_at DESC"
        )
        assert len(rows) == 3
        assert rows == sorted(rows, key=lambda row: row[2], reverse=True)
        assert all(re.fullmatch("[0-9a-f]{32}", row[3]) for row in rows)
        assert len({row[3] for row in rows}) == 3

    def test_b5_the_indexes_are_there(self) -> None:
        indexes = dict(
            sql(
                "SELECT indexname, indexdef FROM pg_indexes"
                " WHERE tablename = 'customers'"
            )
        )

        assert "UNIQUE" in indexes["ix_customer_fingerprint"]
        assert {
            "ix_customer_primary_phone",
            "ix_customer_last_contact",
            "ix_customer_state",
        } <= indexes.keys()

    @pytest.mark.parametrize(
        ("text", "stage"),
        [
            pytest.param("", "csv_parse", id="empty"),
            pytest.param("%PDF-1.7 …", "csv_parse", id="a PDF"),
            pytest.param("name,amount\nRavi,1\n", "csv_parse", id="no phone column"),
        ],
    )
    def test_b6_a_failure_names_its_stage(
        self, text: str, stage: str, import_file: Any
    ) -> None:
        with pytest.raises(SystemExit):
            import_file(text)

        upload = FileUpload.objects.latest("id")
        assert upload.status == "failed"
        assert upload.error.startswith(f"[{stage}] ")
        assert sql("SELECT count(*) FROM customers") == [(0,)]

    def test_b7_with_redis_down_the_upload_finishes_all_the_same(
        self, import_file: Any, settings: Any
    ) -> None:
        from config.celery import app

        broker = app.conf.broker_url
        app.conf.broker_url = "redis://127.0.0.1:1/0"  # nobody listens there
        try:
            upload = import_file(CHECKLIST_CUSTOMER.format(amount=1, due="2024-11-15"))
        finally:
            app.conf.broker_url = broker

        assert upload.status == "completed"

    def test_b8_the_log_tells_of_each_stage(
        self, import_file: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)

        upload = import_file(CHECKLIST_CUSTOMER.format(amount=1, due="2024-11-15"))

        assert f"Created file upload record with ID: {upload.pk}" in caplog.messages
        assert any(
            re.match("Parsed 1 customer records from ", line)
            for line in caplog.messages
        )
        assert "File processing completed: 1 successful, 0 failed" in caplog.messages
        assert "9876543210" not in caplog.text

    def test_b9_the_page_follows_the_upload_to_its_sentence(
        self, admin_client: Client, settings: Any, tmp_path: Path
    ) -> None:
        settings.MEDIA_ROOT = tmp_path
        text = CHECKLIST_CUSTOMER.format(amount=15000, due="2024-11-15")
        file = SimpleUploadedFile("dues.csv", text.encode())

        page = admin_client.post(
            "/admin/uploads/fileupload/add/", {"tenant": 1, "file": file}
        ).url
        progress = page.replace("/change/", "/progress/")
        before = admin_client.get(progress).json()
        upload = work_off(FileUpload.objects.latest("id"))
        reviews.start(admin_client, upload)  # nobody knew this header before
        work_off(upload)
        after = admin_client.get(progress).json()

        assert (before["over"], after["over"]) == (False, True)
        assert after["sentence"] == "Upload completed: 1 successful, 0 failed"
        assert after["sentence"] in admin_client.get(page).content.decode()

    def test_b13_a_customer_is_followed_by_date_with_loan_details(
        self, import_file: Any, admin_client: Client
    ) -> None:
        for amount, due in (("20000", "2024-11-15"), ("15000", "2024-12-15")):
            import_file(CHECKLIST_CUSTOMER.format(amount=amount, due=due))
        upload = FileUpload.objects.latest("id")

        entries = admin_client.get("/admin/customers/customer/?q=9876543210")
        pages = [
            admin_client.get(f"/admin/customers/customer/{address}").content.decode()
            for address in ("phone/?number=%2B919876543210", "loan/?number=LN001")
        ]
        compared = admin_client.get(f"/admin/uploads/fileupload/{upload.pk}/compare/")

        assert "phone/?number=%2B919876543210" in entries.content.decode()
        for page in pages:
            assert page.index("15 Dec 2024") < page.index("15 Nov 2024")
            assert "paid down by ₹5,000" in page
        assert "paid down by ₹5,000" in compared.content.decode()

    def test_b12_the_constraint_comes_back_only_while_no_phone_repeats(
        self, import_file: Any
    ) -> None:
        for due in ("2024-11-15", "2024-12-15"):
            import_file(CHECKLIST_CUSTOMER.format(amount=1, due=due))

        with pytest.raises(CommandError, match="1 phone number"):
            call_command("migrate", "customers", "0001", verbosity=0)

        with pytest.raises(IntegrityError), transaction.atomic():
            sql(
                "ALTER TABLE customers ADD CONSTRAINT uix_customer_primary_phone"
                " UNIQUE (primary_phone)"
            )
