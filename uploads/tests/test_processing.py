"""What becomes of the rows of a file, and what the log says of it."""

import logging
import re

import pytest
from django.db import connection

from customers.models import Customer
from tenants.tests.factories import TenantFactory
from uploads.models import RowIssue
from uploads.services import find_twin
from uploads.tests.everywhere import texts_of_all_tables
from uploads.tests.factories import TWO_ROWS, load, make_upload

pytestmark = pytest.mark.django_db

HEADER = "full_name,primary_phone,loan_amount,due_date\n"


def test_a_customer_sent_again_becomes_another_dated_entry() -> None:
    tenant = TenantFactory.create()

    first = load(f"{HEADER}Rajesh,9876543210,15000,2024-11-15\n", tenant=tenant)
    second = load(f"{HEADER}Rajesh,9876543210,20000,2024-12-15\n", tenant=tenant)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT full_name, loan_amount, due_date::text, fingerprint FROM customers"
            " WHERE primary_phone LIKE '%9876543210' ORDER BY created_at DESC, id DESC"
        )
        newer, older = cursor.fetchall()
    assert first.sentence == second.sentence
    assert second.sentence == "Upload completed: 1 successful, 0 failed"
    assert newer[:3] == ("Rajesh", 20000, "2024-12-15")
    assert older[:3] == ("Rajesh", 15000, "2024-11-15")
    assert re.fullmatch("[0-9a-f]{32}", newer[3])
    assert newer[3] != older[3]


def test_the_same_file_again_makes_new_entries_and_knows_its_twin() -> None:
    first = load()

    second = load(tenant=first.tenant)

    assert (second.succeeded_rows, second.failed_rows) == (2, 0)
    assert Customer.objects.count() == 4
    assert Customer.objects.values("fingerprint").distinct().count() == 4
    assert find_twin(second) == first
    assert find_twin(first) is None
    assert find_twin(load()) is None  # another tenant's is nobody's business


def test_a_row_carries_all_that_its_file_said() -> None:
    upload = load(
        "Name,Mobile,Aadhaar,Email,State,LAN,EMI,DPD,As on,Docket\n"
        'Asha Kadam,+91 98765-43210,3456 7812 9046,a@example.com,Goa,LN1,"Rs. 500/-",'
        "12,15-Nov-24,K\\100\n"
    )

    entry = Customer.objects.get()
    assert entry.tenant == upload.tenant
    assert entry.upload == upload
    assert (entry.row_number, entry.primary_phone) == (2, "+919876543210")
    assert (entry.email, entry.state, entry.loan_number) == (
        "a@example.com",
        "Goa",
        "LN1",
    )
    assert (str(entry.emi_amount), entry.days_past_due) == ("500.00", 12)
    assert str(entry.as_of_date) == "2024-11-15"
    assert entry.national_id_masked == "XXXXXXXX9046"
    assert entry.extra == {"Docket": "K\\100"}
    assert entry.loan_amount is None
    assert entry.id.version == 7


def test_ids_follow_the_lines_of_the_file() -> None:
    load("Name,Mobile\n" + "".join(f"Asha,98765{n:05}\n" for n in range(5000)))

    numbers = Customer.objects.order_by("id").values_list("row_number", flat=True)
    assert list(numbers) == list(range(2, 5002))


def test_one_national_id_has_one_digest_however_it_is_written(settings) -> None:
    text = (
        "Name,Mobile,Aadhaar\nA,9876543210,345678129046\nB,9876543211,3456 7812 9046\n"
    )
    load(text)
    first, second = Customer.objects.values_list("national_id_digest", flat=True)
    settings.NATIONAL_ID_KEY = "another key"
    load(text)

    assert first == second
    assert len(first) == 64
    assert Customer.objects.values("national_id_digest").distinct().count() == 2


def test_a_national_id_stands_whole_nowhere(caplog) -> None:
    load(
        "Name,Mobile,Aadhaar,EMI,Remark 234123412346\n"
        "Asha,9876543210,345678129046,5,KYC 4987 1230 4560\n"
        "Vikram,12,672309184521,5,x\n"
        "Meera,9876543211,234123412347,345678129046,581209473652\n",
        name="723091845611.csv",
    )

    everything = texts_of_all_tables() + caplog.text
    for number in (
        "345678129046", "498712304560", "672309184521", "234123412347",
        "581209473652", "723091845611", "234123412346",
    ):  # fmt: skip
        assert number not in everything


def test_the_log_follows_an_upload(caplog) -> None:
    with caplog.at_level(logging.INFO):
        upload = load(TWO_ROWS + "Meera,12,5\n", name="overdue 9876543210.csv")

    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        f"Created file upload record with ID: {upload.pk}",
        "Parsed 3 customer records from overdue ….csv",
        "File processing completed: 2 successful, 1 failed",
    ]


def test_every_problem_of_a_row_is_told_and_the_row_counts_once() -> None:
    upload = load(f"{HEADER}Asha,9.19876E+11,x,31/02/2024\n,,5,\n")

    issues = RowIssue.objects.order_by("line", "id").values_list(
        "line", "column_name", "value_masked", "code"
    )
    assert list(issues) == [
        (2, "primary_phone", "*******E+11", "phone_exponent"),
        (2, "loan_amount", "x", "amount_unknown"),
        (2, "due_date", "31/02/2024", "date_impossible"),
        (3, "full_name", "", "name_missing"),
        (3, "primary_phone", "", "phone_missing"),
    ]
    assert (upload.total_rows, upload.succeeded_rows, upload.failed_rows) == (2, 0, 2)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("overdue.csv", "overdue.csv"),
        ("C:\\Users\\me\\overdue.csv", "overdue.csv"),
        ("../../etc/passwd", "passwd"),
        ("नाम फाइल (1).csv", "नाम फाइल (1).csv"),
        ("over\ndue\x00.csv", "overdue.csv"),
        ("d\udce9bt.csv", "d\ufffdbt.csv"),
        ("", "unnamed"),
        ("x" * 300, "x" * 200),
    ],
)
def test_a_file_is_known_by_its_own_name_and_kept_under_another(
    sent: str, kept: str
) -> None:
    upload = make_upload(name=sent)

    assert upload.original_name == kept
    assert re.fullmatch(rf"uploads/{upload.tenant_id}/[0-9a-f]{{32}}", upload.file.name)
