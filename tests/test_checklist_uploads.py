"""Checklist B, line by line, as its operator goes through it.

Every query is the one an operator types into psql. B9 stands in test_browser.py as
well.
"""

import io
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client

from customers.addresses import loan_address, phone_address
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory
from tests.checklists import CHECKLIST_CUSTOMER, sql
from uploads.models import FileUpload
from uploads.tests import reviews
from uploads.tests.factories import make_upload, work_off

pytestmark = pytest.mark.django_db


def test_b1_the_phone_is_no_longer_unique() -> None:
    assert (
        sql(
            "SELECT constraint_name FROM information_schema.table_constraints"
            " WHERE table_name = 'customers' AND constraint_type = 'UNIQUE'"
            " AND constraint_name = 'uix_customer_primary_phone'"
        )
        == []
    )


def test_b2_the_same_customer_twice_makes_two_entries(import_file: Any) -> None:
    first = import_file(CHECKLIST_CUSTOMER.format(amount='"₹15,000"', due="2024-11-15"))
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
    import_file: Any, tmp_path: Path
) -> None:
    text = CHECKLIST_CUSTOMER.format(amount=15000, due="2024-11-15")
    import_file(text)
    out = io.StringIO()

    call_command(
        "import_customers",
        str(tmp_path / "customers.csv"),
        "--tenant=1",
        "--here",
        "--again",
        stdout=out,
    )

    assert "Upload completed: 1 successful, 0 failed" in out.getvalue()
    assert sql("SELECT count(*), count(DISTINCT fingerprint) FROM customers") == [
        (2, 2)
    ]


def test_b4_every_entry_of_a_phone_newest_first(import_file: Any) -> None:
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


def test_b5_the_indexes_are_there() -> None:
    indexes = dict(
        sql("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'customers'")
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
def test_b6_a_failure_names_its_stage(text: str, stage: str, import_file: Any) -> None:
    with pytest.raises(SystemExit):
        import_file(text)

    upload = FileUpload.objects.latest("id")
    assert upload.status == "failed"
    assert upload.error.startswith(f"[{stage}] ")
    assert sql("SELECT count(*) FROM customers") == [(0,)]


def test_b7_with_redis_down_the_upload_finishes_all_the_same(
    import_file: Any, settings: Any
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
    import_file: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    upload = import_file(CHECKLIST_CUSTOMER.format(amount=1, due="2024-11-15"))

    assert f"Created file upload record with ID: {upload.pk}" in caplog.messages
    assert any(
        re.match("Parsed 1 customer records from ", line) for line in caplog.messages
    )
    assert "File processing completed: 1 successful, 0 failed" in caplog.messages
    assert "9876543210" not in caplog.text


def test_b9_the_page_follows_the_upload_to_its_sentence(
    admin_client: Client, settings: Any, tmp_path: Path
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
    import_file: Any, admin_client: Client
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


@pytest.mark.django_db(transaction=True)
def test_b10_the_test_harness_uploads_one_customer_twice(
    upload_worker: None, settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    TenantFactory.create()
    out = io.StringIO()

    call_command("verify", "--probe-upload", stdout=out)

    assert "2 entries, each with its own fingerprint" in out.getvalue()
    assert "FAIL" not in out.getvalue()
    assert sql("SELECT count(*) FROM customers") == [(0,)]


def test_b11_one_click_tries_a_failed_upload_again(
    admin_client: Client, settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    upload = make_upload(tenant=Tenant.objects.get(pk=1))
    kept, elsewhere = Path(upload.file.path), tmp_path / "elsewhere"
    kept.rename(elsewhere)
    assert work_off(upload).status == "failed"

    elsewhere.rename(kept)
    admin_client.post(f"/admin/uploads/fileupload/{upload.pk}/retry/")

    assert work_off(upload).sentence == "Upload completed: 2 successful, 0 failed"
    assert sql("SELECT count(*) FROM customers") == [(2,)]


def test_b12_the_constraint_comes_back_only_while_no_phone_repeats(
    import_file: Any,
) -> None:
    for due in ("2024-11-15", "2024-12-15"):
        import_file(CHECKLIST_CUSTOMER.format(amount=1, due=due))

    sql("SET CONSTRAINTS ALL IMMEDIATE")  # as if what was loaded were committed
    with pytest.raises(CommandError, match="1 phone number"):
        call_command("migrate", "customers", "0001", verbosity=0)

    with pytest.raises(IntegrityError), transaction.atomic():
        sql(
            "ALTER TABLE customers ADD CONSTRAINT uix_customer_primary_phone"
            " UNIQUE (primary_phone)"
        )


def test_b13_a_customer_is_followed_by_phone_and_by_loan(
    import_file: Any, admin_client: Client
) -> None:
    for amount, due in ((15000, "2024-11-15"), (12000, "2024-12-15")):
        import_file(CHECKLIST_CUSTOMER.format(amount=amount, due=due))

    for address in (
        phone_address("+919876543210", tenant_id=1),
        loan_address("LN001", tenant_id=1),
    ):
        page = admin_client.get(address)
        steps = page.context["history"].steps
        assert [step.entry.outstanding_amount for step in steps] == [12000, 15000]
        assert "paid down by ₹3,000" in page.content.decode()
