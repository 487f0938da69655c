"""Names whose first, middle and last name stand in columns of their own."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from tenants.models import Tenant
from uploads.columns import match_columns, propose_meanings
from uploads.guide import columns as guide_columns
from uploads.header_names import find_field
from uploads.models import ColumnMapping, RowIssue
from uploads.refusals import LONGEST_CELL
from uploads.tests import reviews
from uploads.tests.factories import load, work_off
from uploads.tests.test_rejected import send_again, written
from uploads.tests.test_review import page, to_review

ALL = {"middle_name": 1, "last_name": 2}
PARTS_AND_PHONE = ["last_name", "first_name", "middle_name", "primary_phone"]


@pytest.mark.parametrize(
    ("header", "part"),
    [
        *[(name, "first_name") for name in ("First Name", "FName", "first_nm")],
        *[(name, "first_name") for name in ("Cust First Name", "fname", "Given Name")],
        *[(name, "first_name") for name in ("customerFirstName", "पहला नाम")],
        *[(name, "first_name") for name in ("Name (First)", "First Name of Customer")],
        *[(name, "middle_name") for name in ("Middle Name", "mid_name", "MName")],
        *[(name, "middle_name") for name in ("Borrower Middle Name", "मध्य नाम")],
        *[(name, "last_name") for name in ("Last Name", "SURNAME", "LName", "last_nm")],
        *[(name, "last_name") for name in ("Family Name", "Cust. Surname", "उपनाम")],
    ],
)
def test_a_part_of_a_name_is_known_as_people_write_it(header: str, part: str) -> None:
    found = find_field(header)

    assert found
    assert found[0] == part


@pytest.mark.parametrize(
    "header",
    [
        *["Father's First Name", "Husband First Name", "Spouse Last Name"],
        *["Nominee First Name", "Guarantor Surname", "Co-Borrower First Name"],
        *["Co Applicant Last Name", "Firm Name", "List Name", "Agent First Name"],
        *["Frist Name", "पिता का पहला नाम"],
    ],
)
def test_a_part_of_somebody_elses_name_is_nobodys_here(header: str) -> None:
    headers = ["First Name", "Last Name", "Mobile", header]

    assert match_columns(headers).extra == {3: header}
    assert propose_meanings(headers).keys() == {0, 1, 2}
    assert propose_meanings([header]) == {}


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ("Last Name,First Name", {"first_name": 1, "last_name": 0}),
        ("First Name", {"first_name": 0}),
        ("Name,Surname", {"full_name": 0, "last_name": 1}),
        ("Name,Middle Name,Surname", ALL | {"full_name": 0}),
        ("Name,First Name,Last Name", {"full_name": 0}),
        ("Name,Middle Name", {"full_name": 0}),
        ("Name,F Name,M Name", {"full_name": 0}),
        ("Name,F Name,M Name,Surname", {"full_name": 0, "last_name": 3}),
        ("FName,MName,LName", ALL | {"first_name": 0}),
        ("Customer,First Name,Surname", {"first_name": 1, "last_name": 2}),
        ("Customer Name,First Name,Surname", {"full_name": 0}),
    ],
)
def test_the_columns_that_make_up_the_name(headers: str, taken: dict[str, int]) -> None:
    columns = match_columns(headers.split(","))

    assert columns.fields == taken
    assert "full_name" not in columns.missing


def test_a_last_name_alone_is_no_name() -> None:
    assert "full_name" in match_columns(["Surname", "Mobile"]).missing


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("header", "cells", "name"),
    [
        ("First Name,Middle Name,Last Name", "Xena,M,Rao", "Xena M Rao"),
        ("Surname,First Name,Middle Name", "Rao,Xena,M", "Xena M Rao"),
        ("First Name,Last Name", "Xena,", "Xena"),
        ("First Name,Last Name", ",Rao", "Rao"),
        ("First Name,Last Name", "NULL,Rao", "Rao"),
        ("First Name,Last Name", "Xena,N/A", "Xena"),
        ("First Name,Last Name", "Xena,.", "Xena"),
        ("First Name,Last Name", " Xena  Maria ,  Rao ", "Xena Maria Rao"),
        ("First Name,Last Name", "Xena,Null Kumar", "Xena Null Kumar"),
        ("First Name,Last Name", "Xena Rao,RAO", "Xena Rao"),
        ("First Name,Last Name", "Thomas,Thomas", "Thomas Thomas"),
        ("First Name,Last Name", "Maria,D'Souza", "Maria D'Souza"),
        ("First Name", "Xena", "Xena"),
        ("पहला नाम,उपनाम", "विक्रम,सिंह", "विक्रम सिंह"),
        ("Name,Surname", "Xena Rao,Rao", "Xena Rao"),
        ("Name,Surname", '"RAO, Xena",Rao', "RAO, Xena"),
        ("Name,Surname", "Xena,Rao", "Xena Rao"),
        ("Name,Surname", "Xena Raonath,Rao", "Xena Raonath Rao"),
        ("Name,Surname", "Rao,Rao", "Rao"),
        ("Name,Middle Name,Surname", "Xena Rao,M,Rao", "Xena Rao M"),
        ("First Name,Last Name", "NULL,-", "name_missing"),
        ("First Name,Last Name", "1234,Rao", "name_without_letters"),
        ("First Name,Last Name", "Xena,#REF!", "cell_error"),
        ("First Name,Last Name", f"{'x' * 600},{'y' * 600}", "cell_too_long"),
        ("First Name,Last Name", f"{'x' * (LONGEST_CELL + 1)},Rao", "cell_too_long"),
    ],
)
def test_the_parts_are_joined_in_the_order_of_names(
    header: str, cells: str, name: str
) -> None:
    load(
        f"{header},Mobile\n{cells},9876543210\nVik,{'x,' * header.count(',')}9876543211"
    )

    entry = Customer.objects.filter(primary_phone="+919876543210").first()
    assert (entry.full_name if entry else RowIssue.objects.get().code) == name
    assert all(entry.extra == {} for entry in Customer.objects.all())


@pytest.mark.django_db
def test_a_national_id_in_two_parts_of_a_name_is_kept_masked() -> None:
    load("First Name,Last Name,Mobile\nAsha 2341 2341,2346 Rao,9876543210\n")

    assert Customer.objects.get().full_name == "Asha XXXXXXXX2346 Rao"


@pytest.mark.django_db
def test_a_refused_part_is_told_once_and_at_its_column() -> None:
    load("First Name,Last Name,Mobile\n12,#REF!,9876543210\n")

    issues = RowIssue.objects.order_by("column_name")
    assert [(issue.column_name, issue.value_masked) for issue in issues] == [
        ("First Name", "12"),
        ("Last Name", "#REF!"),
    ]


@pytest.mark.django_db
def test_refused_rows_come_back_in_the_columns_they_came_in() -> None:
    parent = load("Surname,First Name,Mobile\nRao,Xena,12\n")

    back = written(parent)
    child = send_again(parent, back.replace('"12"', '"9876543210"'))

    assert '"Rao","Xena","12"' in back
    assert Customer.objects.get(upload=child).full_name == "Xena Rao"


@pytest.mark.django_db
def test_a_clerk_says_which_columns_make_up_the_name_and_it_is_remembered(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    rows = "Nam A,Nam B,Nam C,Mobile\nRao,Xena,M,98765432{}\n"
    upload = to_review(rows.format("10"), tenant=tenant)
    chosen = {"column_0": "last_name", "column_1": "first_name"}

    reviews.check(client, upload, **chosen, column_2="middle_name")
    shown = page(client, upload)
    reviews.start(client, upload)
    parent = work_off(upload)
    mapping = ColumnMapping.objects.get()
    listed = client.get(
        reverse("admin:uploads_columnmapping_change", args=[mapping.pk])
    ).content.decode()
    known = to_review(rows.format("11"), tenant=tenant)
    ColumnMapping.objects.all().delete()
    mended = send_again(parent, rows.format("12"))

    assert "To be answered" not in shown
    assert mapping.mapping == PARTS_AND_PHONE
    assert "middle name" in listed
    assert (known.status, mended.status) == ("completed", "completed")
    names = Customer.objects.values_list("full_name", "extra")
    assert [*names] == [("Xena M Rao", {})] * 3


@pytest.mark.django_db
def test_a_whole_name_and_a_first_name_are_asked_about(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    rows = "Name,First Name,Mobile\nXena Rao,Xena,9876543210\n"
    upload = to_review(rows, tenant=tenant)

    reviews.check(client, upload, column_1="first_name")

    assert (
        "“Name” is chosen as the whole name, and “First Name” as the first name: keep "
        "one of them."
    ) in page(client, upload)


@pytest.mark.django_db
def test_the_review_shows_a_refused_part_in_its_own_column(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review(
        "Mobile,Last Name,First Name\n9876543210,1234,Xena\n", tenant=tenant
    )

    row = client.get(reviews.page_of(upload)).context["reviewed"].checked.rows[0]
    assert [bool(cell.refused) for cell in row.cells] == [False, True, False]


def test_the_guide_names_parts_that_are_known() -> None:
    about = next(column for column in guide_columns()).about

    for header in ("First Name", "FName", "Middle Name", "Last Name", "Surname"):
        assert header in about
        assert find_field(header)


@pytest.mark.django_db
def test_a_layout_known_by_the_first_name_alone_says_what_is_not_joined(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    rows = "First Name,Last Name,Mobile\nXena,Rao,9876543210\n"
    upload = to_review(rows, tenant=tenant)
    reviews.check(client, upload, column_0="full_name", column_1="")
    reviews.start(client, upload)

    done = work_off(upload)

    assert Customer.objects.get().full_name == "Xena"
    assert any(
        notice.startswith("“Last Name” is kept beside the customer, and is not joined")
        for notice in done.notices
    )
