"""What the pages of a loan, a phone, a person and the lists say of today."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contacts.tests.factories import ContactFactory
from customers.addresses import loan_address, phone_address
from customers.dues import day_text
from customers.models import Customer
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory
from uploads.models import FileUpload
from uploads.tests.factories import load
from uploads.tests.test_rejected import send_again, written
from uploads.undoing import undo_upload

pytestmark = pytest.mark.django_db

HEADER = "Name,Mobile,Loan No,Outstanding,DPD,Due Date,As On\n"
OCTOBER, NOVEMBER = "2026-10-01", "2026-11-01"
ABSENT = "Not in the file of 1 Nov 2026; last seen 1 Oct 2026"
ASHA, RAVI = "9876543210", "9876543211"
REFUSED_ROW = f"Asha,{ASHA},LN/1,1_000,0,,{NOVEMBER}\n"


@pytest.fixture
def tenant(clerk: User) -> Tenant:
    return clerk.memberships.get().tenant


def row(loan: str, owed: int, day: str, *, phone: str = ASHA, late: int = 0) -> str:
    return f"Asha,{phone},{loan},{owed},{late},,{day}\n"


def book(tenant: Tenant, *rows: str) -> FileUpload:
    return load(HEADER + "".join(rows), tenant=tenant)


def october(tenant: Tenant) -> FileUpload:
    return book(tenant, row("LN/1", 500, OCTOBER), row("LN/2", 700, OCTOBER))


def cards(page: Any) -> list[tuple[str, str, str, str]]:
    """What the cards of a page say of each loan."""
    return [
        (
            card.loan.entry.loan_number,
            card.loan.as_of,
            card.loan.absence,
            "\n".join(map(str, card.loan.dues)),
        )
        for card in page.context["cards"]
    ]


def phone_page(client: Client, tenant: Tenant, phone: str = ASHA) -> Any:
    return client.get(phone_address(f"+91{phone}", tenant_id=tenant.pk))


def loan_page(client: Client, tenant: Tenant, loan: str) -> Any:
    return client.get(loan_address(loan, tenant_id=tenant.pk))


def person_page(client: Client, tenant: Tenant, phone: str = ASHA) -> Any:
    contact = ContactFactory.create(tenant=tenant, phone_number=f"91{phone}")
    return client.get(reverse("admin:contacts_contact_change", args=[contact.pk]))


def entry_list(client: Client, **query: str) -> str:
    address = reverse("admin:customers_customer_changelist")
    return client.get(f"{address}?{urlencode(query)}").content.decode()


def test_a_figure_carries_its_day_and_how_long_ago_that_was(
    client: Client, tenant: Tenant
) -> None:
    day = timezone.localdate() - timedelta(days=28)
    book(tenant, row("LN/1", 500, f"{day:%Y-%m-%d}"))
    said = f"{day_text(day)}, 28 days ago"

    for page in (
        phone_page(client, tenant),
        loan_page(client, tenant, "LN/1"),
        person_page(client, tenant),
    ):
        assert f"as of {said}" in page.content.decode()
    assert said in entry_list(client)
    address = reverse(
        "admin:customers_customer_change", args=[Customer.objects.get().pk]
    )
    assert said in client.get(address).content.decode()


def test_a_due_date_that_has_passed_since_is_said(
    client: Client, tenant: Tenant
) -> None:
    book(tenant, f"Asha,{ASHA},LN/1,500,0,2026-11-05,{NOVEMBER}\n")

    for page in (phone_page(client, tenant), loan_page(client, tenant, "LN/1")):
        assert "The due date has passed since" in page.content.decode()


def test_a_loan_absent_from_its_lenders_newest_file_says_so_everywhere(
    client: Client, tenant: Tenant
) -> None:
    october(tenant)
    book(tenant, row("LN/2", 600, NOVEMBER))

    pages = [
        phone_page(client, tenant),
        loan_page(client, tenant, "LN/1"),
        person_page(client, tenant),
    ]

    for page in pages:
        assert ABSENT in page.content.decode()
    assert ABSENT in entry_list(client, q="LN/1")
    address = reverse(
        "admin:customers_customer_change",
        args=[Customer.objects.get(loan_number="LN/1").pk],
    )
    assert ABSENT in client.get(address).content.decode()
    assert "Last known" in pages[1].content.decode()


def test_an_absent_loan_counts_in_no_sum(client: Client, tenant: Tenant) -> None:
    october(tenant)
    book(tenant, row("LN/2", 600, NOVEMBER), row("LN/3", 40, NOVEMBER, late=3))

    for page in (phone_page(client, tenant), person_page(client, tenant)):
        loans = page.context["loans"]
        text = page.content.decode()
        assert (loans.outstanding, len(loans.counted)) == (640, 2)
        assert (loans.past_due_count, loans.absent_count) == (1, 1)
        assert "3 loans together" in text
        assert "₹640" in text
        assert "Not counted: 1 loan that is not in the lender’s newest file" in text


def test_a_single_loan_needs_no_sum(client: Client, tenant: Tenant) -> None:
    book(tenant, row("LN/1", 500, NOVEMBER))

    assert "together" not in phone_page(client, tenant).content.decode()


def test_the_pages_of_a_phone_a_loan_and_a_person_say_the_same(
    client: Client, tenant: Tenant
) -> None:
    october(tenant)
    book(tenant, row("LN/2", 600, NOVEMBER, phone=RAVI))

    both = cards(phone_page(client, tenant))
    of_person = cards(person_page(client, tenant))
    of_loans = [cards(loan_page(client, tenant, loan))[0] for loan, *_ in both]

    assert sorted(loan for loan, *_ in both) == ["LN/1", "LN/2"]
    assert both == of_person == of_loans


def test_a_loan_that_went_to_another_phone_is_told_under_both(
    client: Client, tenant: Tenant
) -> None:
    october(tenant)
    book(
        tenant,
        row("LN/1", 400, NOVEMBER),
        row("LN/2", 600, NOVEMBER, phone=RAVI),
    )

    old, new = phone_page(client, tenant), phone_page(client, tenant, RAVI)

    text = old.content.decode()
    assert "Now under another phone" in text
    assert "Not counted: 1 loan now under another phone." in text
    assert old.context["loans"].outstanding == 400
    assert f"Phone: +91{ASHA} → +91{RAVI}" in new.content.decode()
    assert "first entry" not in new.content.decode()


def test_a_refused_row_is_not_taken_for_a_loan_that_is_gone(
    client: Client, tenant: Tenant
) -> None:
    october(tenant)
    book(tenant, REFUSED_ROW, row("LN/2", 600, NOVEMBER))

    page = loan_page(client, tenant, "LN/1").content.decode()

    assert "Its row in the file of 1 Nov 2026 was refused; last read 1 Oct 2026" in page


def test_a_corrected_row_is_in_the_file_that_it_corrects(
    client: Client, tenant: Tenant
) -> None:
    october(tenant)
    parent = book(tenant, REFUSED_ROW, row("LN/2", 600, NOVEMBER))
    send_again(parent, written(parent).replace("1_000", "400"))

    for loan in ("LN/1", "LN/2"):
        ((_, as_of, absence, _),) = cards(loan_page(client, tenant, loan))
        assert as_of.startswith("as of 1 Nov 2026")
        assert absence == ""


def test_a_corrected_row_without_a_day_has_the_day_of_its_file(
    client: Client, tenant: Tenant
) -> None:
    header = "Name,Mobile,Loan No,Outstanding\n"
    parent = load(f"{header}Asha,{ASHA},LN/1,1_000\n", tenant=tenant)
    then = timezone.now() - timedelta(days=5)
    FileUpload.objects.filter(pk=parent.pk).update(created_at=then)
    parent.refresh_from_db()
    send_again(parent, written(parent).replace("1_000", "400"))

    ((_, as_of, *_),) = cards(loan_page(client, tenant, "LN/1"))

    assert as_of.endswith("5 days ago")


def test_an_undone_file_says_nothing_of_today(client: Client, tenant: Tenant) -> None:
    october(tenant)
    newer = book(tenant, row("LN/2", 600, NOVEMBER))
    undo_upload(upload_id=newer.pk, by=None, now=timezone.now())

    assert ABSENT not in loan_page(client, tenant, "LN/1").content.decode()


def test_another_lenders_or_tenants_file_says_nothing_of_a_loan(
    client: Client, tenant: Tenant
) -> None:
    october(tenant)
    book(tenant, row("OTHER/1", 600, NOVEMBER, phone=RAVI))
    book(TenantFactory.create(), row("LN/2", 600, NOVEMBER))

    page = phone_page(client, tenant)

    assert {absence for _, _, absence, _ in cards(page)} == {""}
    assert page.context["loans"].outstanding == 1200


def test_a_loan_without_a_number_is_followed_by_its_phone(
    client: Client, tenant: Tenant
) -> None:
    book(tenant, row("", 500, OCTOBER), row("", 5, OCTOBER, phone=RAVI))
    book(tenant, row("", 4, NOVEMBER, phone=RAVI))

    ((_, _, gone, _),) = cards(phone_page(client, tenant))
    ((_, _, there, _),) = cards(phone_page(client, tenant, RAVI))

    assert (gone, there) == (ABSENT, "")


def test_an_older_entry_in_a_list_says_that_there_is_a_newer_one(
    client: Client, tenant: Tenant
) -> None:
    october(tenant)
    book(tenant, row("LN/1", 400, NOVEMBER), row("LN/2", 600, NOVEMBER))

    text = entry_list(client)

    assert text.count("A newer entry is of 1 Nov 2026") == 2


def test_a_strangers_loan_is_not_there(client: Client, tenant: Tenant) -> None:
    rival = TenantFactory.create()
    october(rival)

    assert loan_page(client, rival, "LN/1").status_code == 404
    assert phone_page(client, rival).status_code == 404
    assert "LN/1" not in entry_list(client)


def test_many_loans_take_as_many_queries_as_few(
    client: Client, tenant: Tenant, django_assert_max_num_queries: Any
) -> None:
    loans = [f"LN/{n}" for n in range(30)]
    book(tenant, *(row(loan, 500, OCTOBER) for loan in loans))
    book(tenant, *(row(loan, 400, NOVEMBER) for loan in loans[:20]))

    with django_assert_max_num_queries(26):
        page = phone_page(client, tenant)
    with django_assert_max_num_queries(26):
        entry_list(client)

    assert (page.context["loans"].absent_count, len(cards(page))) == (10, 12)
