"""The page that documents every column, and the files to fill in."""

import io
import re
import zipfile
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from tenants.models import Tenant
from tenants.tests.factories import MembershipFactory
from uploads.blank_files import csv_template, xlsx_template
from uploads.columns import LABELS, match_columns
from uploads.guide import columns, read_cell, template_rows
from uploads.layout import MONEY_FIELDS
from uploads.tests.factories import load

COLUMNS = reverse("admin:uploads_fileupload_columns")
TEMPLATES = [
    reverse("admin:uploads_fileupload_template", args=[kind])
    for kind in ("csv", "xlsx")
]


def test_every_field_is_documented_in_its_order() -> None:
    assert [column.field for column in columns()] == list(LABELS)


@pytest.mark.parametrize("column", [*columns()], ids=lambda column: column.field)
def test_what_the_page_says_of_a_column_is_so(column) -> None:
    for header in column.headers:
        assert match_columns([header]).fields == {column.field: 0}
    for example in column.taken:
        assert read_cell(column.field, example.cell)[1] == ""
    for example in column.refused:
        assert example.result == read_cell(column.field, example.cell)[1] != ""


@pytest.mark.parametrize(
    ("field", "cell", "shown"),
    [
        ("loan_amount", "2 cr", "₹2,00,00,000"),
        ("loan_amount", "₹15,000.50", "₹15,000.50"),
        ("due_date", "05/12/2026", "5 Dec 2026"),
        ("alternate_phone", "NA", "none"),
    ],
)
def test_what_is_taken_is_shown_as_the_desk_shows_it(
    field: str, cell: str, shown: str
) -> None:
    taken = {column.field: dict(column.taken) for column in columns()}

    assert taken[field][cell] == shown


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("template", "notices"),
    [
        pytest.param(csv_template, [], id="csv"),
        pytest.param(xlsx_template, ["The sheet “Customers” was read."], id="workbook"),
    ],
)
def test_a_template_goes_in_as_it_comes_out(
    template: Callable[[], bytes], notices: list[str]
) -> None:
    upload = load(template())

    assert (upload.succeeded_rows, upload.failed_rows) == (2, 0)
    assert upload.notices == notices
    first, second = Customer.objects.order_by("row_number")
    assert (first.loan_amount, first.extra) == (125_000, {})
    assert second.loan_number == "000418"


def test_every_field_of_the_template_is_quoted() -> None:
    rows = csv_template().decode("utf-8-sig").splitlines()

    assert all(row[0] == row[-1] == '"' for row in rows)
    assert {row.count('","') for row in rows} == {rows[0].count('","')}


def test_the_workbook_holds_the_same_rows() -> None:
    with zipfile.ZipFile(io.BytesIO(xlsx_template())) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()

    header, *rows = [
        [re.sub("<.*?>", "", cell) for cell in re.findall("<c .*?</c>", row)]
        for row in re.findall("<row .*?</row>", sheet)
    ]
    assert header == template_rows()[0]
    for row, texts in zip(rows, template_rows()[1:], strict=True):
        for field, cell, text in zip(LABELS, row, texts, strict=True):
            number = field in MONEY_FIELDS or field == "days_past_due"
            assert cell == (read_cell(field, text)[0] if number else text)


def test_columns_of_digits_are_text_down_to_the_last_row() -> None:
    with zipfile.ZipFile(io.BytesIO(xlsx_template())) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
        styles = archive.read("xl/styles.xml").decode()

    assert 'numFmtId="49"' in styles
    for field in ("primary_phone", "alternate_phone", "national_id", "loan_number"):
        number = list(LABELS).index(field) + 1
        column = f'<col min="{number}" max="{number}" width="20" customWidth="1"'
        assert f'{column} style="1"/>' in sheet


@pytest.mark.django_db
def test_the_form_leads_to_the_page_and_the_files(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    form = client.get(reverse("admin:uploads_fileupload_add")).content.decode()

    for address in (COLUMNS, *TEMPLATES):
        assert f'href="{address}"' in form
        assert client.get(address).status_code == 200
    page = client.get(COLUMNS).content.decode()
    assert "Excel has destroyed digits" in page
    assert "मोबाइल" in page
    sent = client.get(TEMPLATES[1])
    assert sent.content == xlsx_template()
    assert sent.headers["Content-Disposition"].endswith('"customers.xlsx"')


@pytest.mark.django_db
@pytest.mark.parametrize("address", [COLUMNS, *TEMPLATES])
def test_who_sees_no_uploads_sees_no_guide(client: Client, address: str) -> None:
    anonymous = client.get(address)
    client.force_login(MembershipFactory.create().user)

    assert anonymous.status_code == 302
    assert client.get(address).status_code == 403


@pytest.mark.django_db
def test_there_is_no_template_of_another_kind(client: Client, clerk: User) -> None:
    address = reverse("admin:uploads_fileupload_template", args=["xls"])

    assert client.get(address).status_code == 404
