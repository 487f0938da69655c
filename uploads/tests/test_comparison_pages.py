import csv
import io
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from customers.models import Comparison, Customer
from tenants.models import Tenant
from tenants.tests.factories import MembershipFactory, TenantFactory
from uploads.models import FileUpload, UploadAct
from uploads.tests.factories import FileUploadFactory, load

pytestmark = pytest.mark.django_db

HEADER = "Name,Mobile,Loan No,Outstanding,DPD,Aadhaar\n"
OCTOBER = HEADER + (
    "Asha,9876543210,LN/1,150000,0,\n"
    "Ravi,9876543211,LN/2,20000,10,\n"
    "Meera,9876543212,LN/3,30000,0,\n"
)
NOVEMBER = HEADER + (
    "Asha,9876543210,LN/1,140000,0,XXXX XXXX 1234\n"
    "Ravi,9876543211,LN/2,20000,40,\n"
    '"=HYPERLINK(""http://x"",""y"")",9876543213,LN/4,5000,0,\n'
)


@pytest.fixture
def clerk(client: Client) -> User:
    user = MembershipFactory.create().user
    user.groups.add(Group.objects.get(name="Staff"))
    client.force_login(user)
    return user


@pytest.fixture
def tenant(clerk: User) -> Tenant:
    return clerk.memberships.get().tenant


@pytest.fixture
def october(tenant: Tenant) -> FileUpload:
    return load(OCTOBER, tenant=tenant, name="october.csv")


@pytest.fixture
def november(tenant: Tenant, october: FileUpload) -> FileUpload:
    return load(NOVEMBER, tenant=tenant, name="november.csv")


def page_of(upload: FileUpload) -> str:
    return reverse("admin:uploads_fileupload_compare", args=[upload.pk])


def file_of(upload: FileUpload) -> str:
    return reverse("admin:uploads_fileupload_compared", args=[upload.pk])


def counts(page: Any) -> dict[str, int]:
    return {
        outcome.value: group.loan_count if group else 0
        for outcome, group in page.context["rows"]
    }


def test_a_file_is_compared_with_the_completed_one_before_it(
    client: Client, october: FileUpload, november: FileUpload, tenant: Tenant
) -> None:
    FileUploadFactory.create(tenant=TenantFactory.create(), status="completed")

    page = client.get(page_of(november))
    text = page.content.decode()

    assert page.context["other"] == october
    assert counts(page) == {
        "worse": 1, "better": 1, "unchanged": 0, "new": 1, "gone": 1
    }  # fmt: skip
    for said in ("₹2,00,000", "₹1,65,000", "−₹35,000", "days past due +30"):
        assert said in text


def test_each_outcome_has_its_list(client: Client, november: FileUpload) -> None:
    shown = {
        outcome: [
            pair.newest.loan_number
            for pair in client.get(page_of(november), {"outcome": outcome}).context[
                "pairs"
            ]
        ]
        for outcome in ("worse", "better", "unchanged", "new", "gone", "nonsense")
    }

    assert shown == {
        "worse": ["LN/2"],
        "better": ["LN/1"],
        "unchanged": [],
        "new": ["LN/4"],
        "gone": ["LN/3"],
        "nonsense": [],
    }


def test_any_two_files_are_compared_the_one_sent_first_first(
    client: Client, october: FileUpload, november: FileUpload
) -> None:
    page = client.get(page_of(october), {"with": november.pk})

    assert page.context["both"] == (october, november)
    assert counts(page)["new"] == 1


def test_the_first_file_has_nothing_before_it(
    client: Client, october: FileUpload
) -> None:
    page = client.get(page_of(october))

    assert "No file of this tenant was completed before" in page.content.decode()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"status": "processing"}, "Nothing is compared yet"),
        (
            {"status": "undone", "undone_at": "2026-01-01T00:00Z"},
            "was undone: its entries are gone",
        ),
        ({"status": "cancelled"}, "was cancelled on the way: only the 3 rows"),
        ({"status": "failed", "error": "[csv_parse] x"}, "failed on the way"),
    ],
)
def test_what_is_no_whole_file_says_so(
    client: Client,
    october: FileUpload,
    november: FileUpload,
    fields: dict[str, str],
    said: str,
) -> None:
    FileUpload.objects.filter(pk=october.pk).update(**fields)

    page = client.get(page_of(november), {"with": october.pk}).content.decode()
    by_default = client.get(page_of(november))

    assert said in page
    assert by_default.context["other"] is None


def test_a_download_has_every_loan_and_is_remembered(
    client: Client, clerk: User, october: FileUpload, november: FileUpload
) -> None:
    response = client.post(f"{file_of(november)}?with={october.pk}")

    text = response.getvalue().decode()
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [row["Change"] for row in rows] == ["worse", "better", "new", "gone"]
    assert rows[0] == {
        "Change": "worse",
        "Loan number": "LN/2",
        "Name": "Ravi",
        "Phone": "+919876543211",
        "National id": "",
        "Outstanding before": "20000.00",
        "Outstanding after": "20000.00",
        "Outstanding change": "0.00",
        "Days past due before": "10",
        "Days past due after": "40",
        "Due date before": "",
        "Due date after": "",
        "What changed": "days past due +30",
        "Line before": "3",
        "Line after": "3",
    }
    assert rows[1]["Outstanding change"] == "-10000.00"
    assert rows[1]["National id"].endswith("1234")
    assert rows[2]["Name"].startswith("'=HYPERLINK")
    assert text.removeprefix("\ufeff").startswith('"Change","Loan number",')
    assert '"worse","LN/2","Ravi","+919876543211","",' in text
    kept = UploadAct.objects.get(act="compared")
    assert (kept.by, kept.upload, kept.row_count) == (clerk, november, 4)


def test_a_download_is_posted(
    client: Client, october: FileUpload, november: FileUpload
) -> None:
    assert client.get(file_of(november)).status_code == 405
    assert client.post(file_of(october)).status_code == 404
    assert not UploadAct.objects.filter(act="compared").exists()


def test_a_stranger_finds_nothing_at_any_address(
    client: Client, october: FileUpload
) -> None:
    theirs = load(OCTOBER, tenant=TenantFactory.create())
    nothing = client.get(reverse("admin:uploads_fileupload_compare", args=[999_999]))

    answers = [
        client.get(page_of(theirs)),
        client.get(page_of(october), {"with": theirs.pk}),
        client.get(page_of(october), {"with": "9" * 5000}),
        client.get(page_of(october), {"with": october.pk}),
        client.post(file_of(theirs)),
        client.post(f"{file_of(october)}?with={theirs.pk}"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 6
    assert {answer.content for answer in answers} == {nothing.content}
    assert not Comparison.objects.exists()
    assert not UploadAct.objects.filter(act="compared").exists()


@pytest.mark.parametrize("missing", ["fileupload", "customer"])
def test_staff_without_permission_are_refused(
    client: Client,
    clerk: User,
    october: FileUpload,
    november: FileUpload,
    missing: str,
) -> None:
    clerk.groups.clear()
    clerk.user_permissions.set(Permission.objects.exclude(content_type__model=missing))

    answers = [client.get(page_of(november)), client.post(file_of(november))]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert not UploadAct.objects.filter(act="compared").exists()


def test_the_page_takes_as_many_queries_for_many_loans(
    client: Client, tenant: Tenant, django_assert_max_num_queries: Any
) -> None:
    for owed in (100, 90):
        rows = "".join(f"Asha,98765{n:05},LN{n},{owed + n},0,\n" for n in range(120))
        upload = load(HEADER + rows, tenant=tenant)
    client.get(page_of(upload))

    with django_assert_max_num_queries(20):
        page = client.get(page_of(upload), {"from": "50"})

    assert len(page.context["pairs"]) == 50
    assert (page.context["before"], page.context["behind"]) == (0, 100)


def test_an_uploads_page_leads_to_what_changed(
    client: Client, november: FileUpload
) -> None:
    address = reverse("admin:uploads_fileupload_change", args=[november.pk])

    assert page_of(november) in client.get(address).content.decode()
    assert Customer.objects.count() == 6
