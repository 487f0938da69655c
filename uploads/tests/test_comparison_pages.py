import csv
import io
import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from customers.models import Comparison, Customer
from tenants.models import Tenant
from tenants.tests.factories import MembershipFactory, TenantFactory
from uploads.models import FileUpload, RowIssue, UploadAct
from uploads.tests.factories import FileUploadFactory, load
from uploads.tests.test_rejected import send_again, written

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

    assert [one for one, _ in page.context["both"]] == [october, november]
    assert counts(page)["new"] == 1


def test_the_first_file_has_nothing_before_it(
    client: Client, october: FileUpload
) -> None:
    page = client.get(page_of(october))

    assert "No earlier file of the same lender is known" in page.content.decode()


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

    with django_assert_max_num_queries(30):
        page = client.get(page_of(upload), {"from": "50"})

    assert len(page.context["pairs"]) == 50
    assert (page.context["before"], page.context["behind"]) == (0, 100)


def test_an_uploads_page_leads_to_what_changed(
    client: Client, november: FileUpload
) -> None:
    address = reverse("admin:uploads_fileupload_change", args=[november.pk])

    assert page_of(november) in client.get(address).content.decode()
    assert Customer.objects.count() == 6


DATED = "Name,Mobile,Loan No,Outstanding,DPD,As On\n"
REFUSED = "Ravi,9876543211,LN/2,1_000,0,2026-11-01\n"


def dated(tenant: Tenant, day: str, *rows: str) -> FileUpload:
    return load(DATED + "".join(f"{row},{day}\n" for row in rows), tenant=tenant)


@pytest.fixture
def first(tenant: Tenant) -> FileUpload:
    return dated(
        tenant,
        "2026-10-01",
        "Asha,9876543210,LN/1,500,0",
        "Ravi,9876543211,LN/2,700,0",
        "Meera,9876543212,LN/3,900,0",
    )


@pytest.fixture
def second(tenant: Tenant, first: FileUpload) -> FileUpload:
    """LN/1 is there, LN/2 was refused, LN/3 is gone."""
    row = "Asha,9876543210,LN/1,400,0,2026-11-01\n"
    return load(DATED + row + REFUSED, tenant=tenant, name="november.csv")


def loans(client: Client, upload: FileUpload, outcome: str, **query: Any) -> list[str]:
    page = client.get(page_of(upload), {"outcome": outcome, **query})
    return [pair.newest.loan_number for pair in page.context["pairs"]]


def test_a_loan_whose_row_was_refused_is_not_gone(
    client: Client, second: FileUpload
) -> None:
    page = client.get(page_of(second), {"outcome": "unreadable"})

    assert counts(page) == {
        "worse": 0, "better": 1, "unchanged": 0, "new": 0, "gone": 1
    }  # fmt: skip
    assert page.context["totals"]["loan_count"] == 2
    assert page.context["totals"]["outstanding_before"] == 1400
    assert loans(client, second, "unreadable") == ["LN/2"]
    text = page.content.decode()
    assert "figures as of 1 Oct 2026" in text
    assert "not readable in the later file" in text
    assert RowIssue.objects.get().message in text
    assert f"/uploads/fileupload/{second.pk}/change/" in text
    assert "mend it" in text


def test_a_loan_whose_row_was_refused_before_is_not_new(
    client: Client, second: FileUpload, tenant: Tenant
) -> None:
    third = dated(
        tenant,
        "2026-12-01",
        "Asha,9876543210,LN/1,300,0",
        "Ravi,9876543211,LN/2,600,0",
    )

    page = client.get(page_of(third))

    assert page.context["other"] == second
    assert counts(page)["new"] == 0
    assert loans(client, third, "unreadable_before") == ["LN/2"]


def test_a_download_names_what_was_not_readable(
    client: Client, second: FileUpload, first: FileUpload
) -> None:
    response = client.post(f"{file_of(second)}?with={first.pk}")

    text = response.getvalue().decode().removeprefix("\ufeff")
    last = list(csv.DictReader(io.StringIO(text)))[-1]
    assert last["Change"] == "not readable in the later file"
    assert last["Loan number"] == "LN/2"
    assert last["Outstanding change"] == ""
    assert last["What changed"].startswith("Line 3: ")


def test_a_corrected_file_is_compared_with_the_file_it_corrects_as_one(
    client: Client, second: FileUpload, first: FileUpload, tenant: Tenant
) -> None:
    before = counts(client.get(page_of(second)))
    child = send_again(second, written(second).replace("1_000", "650"))

    page = client.get(page_of(second))
    of_child = client.get(page_of(child))
    third = dated(tenant, "2026-12-01", "Ravi,9876543211,LN/2,600,0")

    assert (before["better"], counts(page)["better"]) == (1, 2)
    assert loans(client, second, "unreadable") == []
    assert of_child.headers["Location"].startswith(page_of(second))
    assert client.get(page_of(third)).context["other"] == second
    assert loans(client, third, "better") == ["LN/2"]
    offered = client.get(page_of(first)).context["offered"]
    assert child not in [choice.file for choice in offered]


def test_the_corrected_files_page_says_what_is_left(
    client: Client, tenant: Tenant
) -> None:
    bad = "".join(f"R,9876543{n:03},LN/{n},1_000,0,2026-11-01\n" for n in range(7))
    parent = load(DATED + bad, tenant=tenant)
    sent = written(parent).replace("1_000", "5", 6)

    said = []
    for data in (sent, sent, written(parent).replace("1_000", "5")):
        send_again(parent, data)
        address = reverse("admin:uploads_fileupload_change", args=[parent.pk])
        text = client.get(address).content.decode()
        said += re.findall(r"\d of 7 mended, \d left", text)

    # The same rows sent twice are not twice as many.
    assert said == ["6 of 7 mended, 1 left"] * 2 + ["7 of 7 mended, 0 left"]


def test_the_partner_is_the_last_file_of_the_same_lender(
    client: Client, first: FileUpload, tenant: Tenant
) -> None:
    dated(tenant, "2026-10-15", "Zoya,9876549999,B/1,5,0")
    later = dated(tenant, "2026-11-01", "Asha,9876543210,LN/1,400,0")
    alone = dated(tenant, "2026-11-02", "Kiran,9876549998,C/1,5,0")

    page = client.get(page_of(later))
    nothing = client.get(page_of(alone))

    assert page.context["other"] == first
    assert nothing.context["other"] is None
    assert "No earlier file of the same lender" in nothing.content.decode()


def test_a_choice_shows_how_many_loans_are_in_both(
    client: Client, second: FileUpload, tenant: Tenant
) -> None:
    dated(tenant, "2026-10-15", "Zoya,9876549999,B/1,5,0")

    text = client.get(page_of(second)).content.decode()

    assert "3 rows · 1 loan in both" in text
    assert "1 row · no loans in both" in text


def test_files_without_a_common_loan_say_so(
    client: Client, first: FileUpload, tenant: Tenant
) -> None:
    other = dated(tenant, "2026-10-15", "Zoya,9876549999,B/1,5,0")

    page = client.get(page_of(other), {"with": first.pk})
    download = client.post(f"{file_of(other)}?with={first.pk}")

    text = page.content.decode()
    assert "These two files have no loan in common" in text
    assert 'id="totals"' not in text
    assert download.status_code == 302
    assert not UploadAct.objects.filter(act="compared").exists()


def test_the_file_of_the_earlier_day_is_before_whenever_it_came(
    client: Client, tenant: Tenant
) -> None:
    november = dated(tenant, "2026-11-01", "Asha,9876543210,LN/1,400,0")
    october = dated(tenant, "2026-10-01", "Asha,9876543210,LN/1,500,0")

    page = client.get(page_of(november))

    assert [one for one, _ in page.context["both"]] == [october, november]
    assert counts(page)["better"] == 1
    assert "as of 1 Oct 2026" in page.content.decode()


def test_a_loan_under_another_phone_than_before_is_told(
    client: Client, first: FileUpload, tenant: Tenant
) -> None:
    later = dated(
        tenant,
        "2026-11-01",
        "Asha,9876500000,LN/1,500,0",
        "Ravi,9876543211,LN/2,700,0",
    )

    page = client.get(page_of(later), {"outcome": "other_phone"})

    assert loans(client, later, "other_phone") == ["LN/1"]
    assert page.context["totals"]["loan_count"] == 3
    text = page.content.decode()
    assert "under another phone than before" in text
    assert "Phone: +919876543210 → +919876500000" in text


def test_what_worse_means_stands_on_the_page(
    client: Client, second: FileUpload
) -> None:
    text = client.get(page_of(second)).content.decode()

    assert "<b>Worse</b>: more is owed than before, or it is more days past due" in text


def test_a_refused_row_that_names_no_loan_is_told(
    client: Client, first: FileUpload, tenant: Tenant
) -> None:
    row = "Asha,9876543210,LN/1,400,0,2026-11-01\n,12,#REF!,1,0,2026-11-01\n"
    later = load(DATED + row, tenant=tenant)

    text = client.get(page_of(later)).content.decode()

    assert "In 1 refused row of" in text
    assert "a loan that seems gone may be among them" in text


def test_a_strangers_corrected_file_is_not_there(
    client: Client, second: FileUpload
) -> None:
    theirs = load(OCTOBER + "Bad,1,LN/9,1,0,\n", tenant=TenantFactory.create())
    child = send_again(theirs, written(theirs).replace("Bad,1,", "Bad,9876543219,"))

    answers = [
        client.get(page_of(child)),
        client.get(page_of(second), {"with": child.pk}),
        client.post(f"{file_of(second)}?with={child.pk}"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 3
