"""15.000 is fifteen thousand where the file says so, and refused where it does not."""

from io import BytesIO

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from customers.models import Customer
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory
from uploads.amounts import MoneyStyle, read_european_amount
from uploads.layout import Layout
from uploads.models import FileUpload, RowIssue
from uploads.reader import understand
from uploads.refusals import Refused
from uploads.reviewing import start
from uploads.tests.factories import load, make_upload, work_off
from uploads.tests.test_review import to_review

HEADER = "Name;Mobile;Loan Amount;EMI;Rate"


def layout_of(*rows: str, header: str = HEADER, mark: str = ";") -> Layout:
    lines = [header, *(f"Asha;98700000{n:02};{row}" for n, row in enumerate(rows))]
    text = "\n".join(lines).replace(";", mark)
    return understand(BytesIO(text.encode())).layout


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(["15.000;1.355,90;", "2.500;950,50;"], id="another amount"),
        pytest.param(["15.000;1.355;12,5", "2.500;2.100;9,75"], id="decimal commas"),
        pytest.param(["15.000;1.250.000;"], id="a million in dots"),
        pytest.param(["15.000;900;1.250,00"], id="a column that nobody mapped"),
        pytest.param(["(15.000);₹ 1.355,90;"], id="signs and currency"),
        pytest.param(["15.000;900;", "2.500;1.355,90-;"], id="in another row"),
    ],
)
def test_other_columns_say_that_dots_part_thousands(rows: list[str]) -> None:
    layout = layout_of(*rows)

    assert layout.money_styles["loan_amount"] is MoneyStyle.EUROPEAN
    assert any("fifteen thousand: other columns" in text for text in layout.held_for)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(["15.000;900;"], id="nothing says it"),
        pytest.param(["15.000;1.355;", "120.000;2.100;"], id="all alike"),
        pytest.param(["15.000;1,355.90;"], id="another amount says no"),
        pytest.param(["15.000;1.355,90;12.5"], id="two columns disagree"),
        pytest.param(["15.000;900;10.200.30.40"], id="an address"),
        pytest.param(["15.000;900;04.05.2026"], id="a date"),
    ],
)
def test_where_nothing_decides_it_is_refused_and_the_file_waits(
    rows: list[str],
) -> None:
    layout = layout_of(*rows)

    assert layout.money_styles["loan_amount"] is MoneyStyle.INDIAN
    assert any("may be fifteen or" in text for text in layout.held_for)


def test_a_comma_in_a_list_says_nothing_where_commas_part_the_cells() -> None:
    header = "Name;Mobile;Loan Amount;Rooms"
    layout = layout_of('15.000;"3,4"', header=header, mark=",")

    assert layout.money_styles["loan_amount"] is MoneyStyle.INDIAN


@pytest.mark.parametrize("rows", [["1.355,90;;"], ["1500;;"], ["1,250.00;;"]])
def test_a_column_that_is_clear_holds_nothing_up(rows: list[str]) -> None:
    assert layout_of(*rows).held_for == ()


@pytest.mark.django_db
def test_a_file_that_nobody_looks_at_has_the_rows_refused() -> None:
    upload = load("Name,Mobile,EMI\nAsha,9876543210,15.000\nRavi,9876543211,900\n")

    assert (upload.succeeded_rows, upload.failed_rows) == (1, 1)
    assert RowIssue.objects.get().code == "amount_thousands_unclear"
    assert Customer.objects.get().emi_amount == 900


@pytest.mark.django_db
@pytest.mark.parametrize(
    "rows",
    ["Asha;9876543210;15.000;1.355,90;", "Asha;9876543210;15.000;900;"],
    ids=["decided by another column", "not decided"],
)
def test_a_known_header_does_not_start_such_a_file_at_once(
    clerk: User, tenant: Tenant, rows: str
) -> None:
    first = to_review(f"{HEADER}\nAsha;9876543210;500;;\n", tenant=tenant)
    assert start(upload_id=first.pk, by=clerk, now=timezone.now())

    second = to_review(f"{HEADER}\n{rows}\n", tenant=tenant)

    assert second.status == FileUpload.Status.REVIEW
    third = to_review(f"{HEADER}\nAsha;9876543210;700;;\n", tenant=tenant)
    assert third.status != FileUpload.Status.REVIEW


@pytest.mark.django_db
def test_a_mended_file_is_read_as_the_one_it_mends() -> None:
    tenant = TenantFactory.create()
    rows = "Asha;9876543210;15.000;1.355,90;\nRavi;123;25.000;900;\n"
    parent = load(f"{HEADER}\n{rows}", tenant=tenant)

    upload = make_upload(f"{HEADER}\nRavi;9876543211;25.000;900;\n", tenant=tenant)
    FileUpload.objects.filter(pk=upload.pk).update(parent=parent)
    upload.refresh_from_db()
    work_off(upload)

    amounts = Customer.objects.order_by("pk").values_list("loan_amount", flat=True)
    assert [*map(int, amounts)] == [15_000, 25_000]
    assert upload.layout["held_for"] == []


@pytest.mark.parametrize("other", ["1.250.000", "1.250,00"])
def test_no_thousand_starts_with_a_zero(other: str) -> None:
    layout = layout_of(f"{other};;", "0.500;;")

    assert layout.money_styles["loan_amount"] is MoneyStyle.EUROPEAN
    assert isinstance(read_european_amount("0.500"), Refused)
    assert isinstance(read_european_amount("00.500"), Refused)
    assert read_european_amount("1.500") == "1500.00"
