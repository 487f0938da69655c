"""A country code in a column of its own belongs to the phone beside it."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from tenants.models import Tenant
from uploads.code_columns import find_codes
from uploads.columns import KEPT
from uploads.country_codes import code_places, read_country
from uploads.guide import columns as guide_columns
from uploads.models import ColumnMapping, FileUpload, RowIssue
from uploads.pages import understood_columns
from uploads.tests import reviews
from uploads.tests.factories import load, work_off
from uploads.tests.test_rejected import send_again
from uploads.tests.test_review import page, to_review

# The country of an address, beside a phone of India.
OF_ADDRESS = "Name,Mobile,Country Code\nAsha,98765432{},US\n"
READ_AS_CODE = "“Country Code” is read as the country code of “Mobile”."


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *[(text, "91") for text in ("91", "+91", "0091", "91.0", "IN", "in", "India")],
        *[(text, "91") for text in ("'+91", "(+91)", "India (+91)", "IN +91", " 91 ")],
        ("971", "971"),
        ("US", "1"),
    ],
)
def test_a_country_code_is_read_as_people_write_it(text: str, code: str) -> None:
    read = read_country(text)

    assert read
    assert read[0] == code


@pytest.mark.parametrize("text", ["999", "0", "Yes", "XX", "91 971", "0172", "91.5"])
def test_what_is_no_country_code_is_not_read(text: str) -> None:
    assert read_country(text) is None


@pytest.mark.parametrize(
    ("headers", "places"),
    [
        ("Name,Country Code,Phone,Alt", {"primary_phone": 1, "alternate_phone": 1}),
        ("Name,X,Phone,Alt,ISD Code", {"primary_phone": 4, "alternate_phone": 4}),
        ("ISD,X,Phone,Alt,Alt ISD", {"primary_phone": 0, "alternate_phone": 4}),
        ("X,Dial Code,Phone,Alt,STD Code", {"primary_phone": 1, "alternate_phone": 1}),
        ("X,Country,Phone,Alt", {}),
    ],
)
def test_a_code_is_found_by_its_header(headers: str, places: dict[str, int]) -> None:
    phones = {"primary_phone": 2, "alternate_phone": 3}

    assert code_places(headers.split(","), phones) == places


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("code", "phone", "read"),
    [
        ("91", "9842026001", "+919842026001"),
        ("+91", "919842026001", "+919842026001"),
        ("", "9842026001", "+919842026001"),
        ("NULL", "9842026001", "+919842026001"),
        ("1", "7325550123", "+17325550123"),
        ("971", "501234567", "+971501234567"),
        ("971", "0501234567", "+971501234567"),
        ("971", "+971501234567", "+971501234567"),
        ("65.0", "91234567", "+6591234567"),
        ("AE", "501234567", "+971501234567"),
        ("Yes", "+919842026001", "+919842026001"),
        ("91", "+971501234567", "phone_country_code_differs"),
        ("971", "+919842026001", "phone_country_code_differs"),
        ("999", "9842026001", "phone_country_code_unknown"),
    ],
)
def test_a_phone_is_read_with_the_code_beside_it(
    code: str, phone: str, read: str
) -> None:
    load(f"Name,Country Code,Mobile\nZoya Rao,{code},{phone}\nRavi,91,9842026009\n")

    found = Customer.objects.filter(full_name="Zoya Rao").first()
    assert (found.primary_phone if found else RowIssue.objects.get().code) == read


def test_a_column_that_is_turned_off_leaves_the_phone_to_another_one() -> None:
    headers = ["Name", "ISD Code", "Mobile", "Country Code"]
    fields = {0: "full_name", 2: "primary_phone"}

    assert find_codes(headers, fields) == {"primary_phone": 1}
    assert find_codes(headers, fields | {1: KEPT}) == {"primary_phone": 3}
    assert find_codes(headers, fields | {1: KEPT, 3: KEPT}) == {}
    assert find_codes(headers, fields | {1: "state"}) == {"primary_phone": 3}


@pytest.mark.django_db
def test_a_notice_and_the_page_say_that_a_country_code_was_used(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = load("Name,Country Code,Mobile,Alt No\nA,91,9842026001,\n", tenant=tenant)

    shown = page(client, upload)

    told = "“Country Code” is read as the country code of “Mobile” and “Alt No”."
    assert told in upload.notices
    assert told in shown
    assert ("Country Code", "country code of “Mobile” and “Alt No”") in (
        understood_columns(upload)
    )


@pytest.mark.django_db
def test_nothing_is_said_where_no_column_is_a_country_code() -> None:
    upload = load("Name,Country,Mobile\nA,91,9842026001\n")

    assert not any("country code" in notice for notice in upload.notices)


@pytest.mark.django_db
def test_the_review_shows_a_country_code_and_lets_it_be_turned_off(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review(OF_ADDRESS.format("10"), tenant=tenant)

    before = page(client, upload)
    offered = reviews.choices_shown(client, upload)
    reviews.check(client, upload, code_2="keep")
    after = page(client, upload)
    reviews.start(client, upload)
    done = work_off(upload)

    assert READ_AS_CODE in before
    assert "the country code of “Mobile”" in before
    assert offered["code_2"] == "use"
    assert ("review-bad" in before, "review-bad" in after) == (True, False)
    assert READ_AS_CODE not in done.notices
    entry = Customer.objects.get()
    assert entry.primary_phone == "+919876543210"
    assert entry.extra == {"Country Code": "US"}


@pytest.mark.django_db
def test_a_country_code_that_was_turned_off_can_be_turned_on_again(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review("Name,Mobile,ISD\nAsha,7325550123,1\n", tenant=tenant)

    reviews.check(client, upload, code_2="keep")
    off = reviews.choices_shown(client, upload)
    reviews.check(client, upload, code_2="use")
    reviews.start(client, upload)
    work_off(upload)

    assert off["code_2"] == "keep"
    assert ColumnMapping.objects.get().mapping == ["full_name", "primary_phone", ""]
    assert Customer.objects.get().primary_phone == "+17325550123"


@pytest.mark.django_db
def test_a_country_code_that_was_turned_off_stays_off_for_later_and_mended_files(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    parent = turned_off(client, tenant)
    mapping = ColumnMapping.objects.get()
    listed = known_layout(client)

    later = to_review(OF_ADDRESS.format("11"), tenant=tenant)
    mapping.delete()
    mended = send_again(parent, OF_ADDRESS.format("12"))
    by_names = load(OF_ADDRESS.format("13"), tenant=tenant)

    assert "country code of" not in listed
    assert (later.status, later.failed_rows) == ("completed", 0)
    assert (mended.status, mended.failed_rows) == ("completed", 0)
    assert (READ_AS_CODE in by_names.notices, by_names.failed_rows) == (True, 1)


@pytest.mark.django_db
def test_a_known_layout_says_which_column_is_a_country_code(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review("Name,Mobile,ISD\nAsha,7325550123,1\n", tenant=tenant)
    reviews.start(client, upload)

    assert "country code of “Mobile”" in known_layout(client)


def turned_off(client: Client, tenant: Tenant) -> FileUpload:
    """Load a file whose country code is said to be none; its second row is refused."""
    rows = OF_ADDRESS.format("10") + "Uma,12,US\n"
    upload = to_review(rows, tenant=tenant)
    reviews.check(client, upload, code_2="keep")
    reviews.start(client, upload)
    return work_off(upload)


def known_layout(client: Client) -> str:
    mapping = ColumnMapping.objects.get()
    address = reverse("admin:uploads_columnmapping_change", args=[mapping.pk])
    return client.get(address).content.decode()


def test_the_guide_tells_of_country_codes() -> None:
    about = {column.field: column.about for column in guide_columns()}

    for header in ("Country Code", "ISD Code", "Dial Code"):
        assert header in about["primary_phone"]
        assert code_places([header, "Mobile"], {"primary_phone": 1})
