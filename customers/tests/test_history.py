from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.addresses import loan_address, phone_address
from customers.current_loans import read_loans_of_phones
from customers.history import entries_of_phones, read_history
from customers.history_chart import cards_of
from customers.models import Customer
from customers.tests.factories import CustomerFactory, UploadRowFactory
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory

pytestmark = pytest.mark.django_db

PHONE = "+919876543210"


@pytest.fixture
def tenant(clerk: User) -> Tenant:
    return clerk.memberships.get().tenant


def enter(tenant: Tenant, on: date, owed: int, late: int, **fields: Any) -> Customer:
    usual = {"primary_phone": PHONE, "loan_number": "LN/1", "full_name": "Asha Verma"}
    return CustomerFactory.create(
        tenant=tenant,
        as_of_date=on,
        outstanding_amount=Decimal(owed),
        days_past_due=late,
        **{**usual, **fields},
    )


def phone_page(phone: str = PHONE, **more: Any) -> str:
    address = reverse("admin:customers_customer_phone")
    return f"{address}?{urlencode({'number': phone, **more})}"


def shown(response: Any) -> list[Any]:
    return response.context["history"].steps


def test_the_entries_of_a_phone_are_shown_by_date_with_what_changed(
    client: Client, tenant: Tenant
) -> None:
    worse = enter(tenant, date(2024, 12, 1), 15000, 42)
    first = enter(tenant, date(2024, 10, 1), 18000, 0)
    better = enter(tenant, date(2024, 11, 1), 15000, 0, emi_amount=Decimal(3000))

    page = client.get(phone_page())

    assert [step.entry for step in shown(page)] == [worse, better, first]
    text = page.content.decode()
    for said in (
        "1 Dec 2024",
        "days past due +42",
        "paid down by ₹3,000",
        "EMI: – → ₹3,000",
        "first entry of this loan",
        f"/uploads/fileupload/{worse.upload_id}/change/",
        f">line {worse.row_number}</a>",
    ):
        assert said in text


def test_two_loans_of_a_phone_are_followed_apart(tenant: Tenant) -> None:
    enter(tenant, date(2024, 10, 1), 18000, 0)
    enter(tenant, date(2024, 10, 1), 900, 0, loan_number="LN/2")
    enter(tenant, date(2024, 11, 1), 17000, 0)

    history = read_history(
        tenant=tenant, entries=entries_of_phones(tenant=tenant, phones=[PHONE])
    )

    assert [step.change and step.change.moves for step in history.steps] == [
        ("paid down by ₹1,000",),
        None,
        None,
    ]
    loans = read_loans_of_phones(tenant=tenant, phones=[PHONE], now=timezone.now())
    cards = cards_of(loans.loans, history)
    assert [card.chart is None for card in cards] == [False, True]


def test_an_entry_without_a_day_of_its_own_counts_on_the_tenants_day_it_came(
    tenant: Tenant,
) -> None:
    Tenant.objects.filter(pk=tenant.pk).update(timezone="Asia/Kolkata")
    tenant.refresh_from_db()
    late_evening = "2024-11-30T20:00:00Z"  # already 1 December in India
    enter(tenant, None, 1, 0, created_at=late_evening)  # type: ignore[arg-type]

    (step,) = read_history(
        tenant=tenant,
        entries=entries_of_phones(tenant=tenant, phones=[PHONE]),
    ).steps

    assert step.day == date(2024, 12, 1)


@pytest.mark.parametrize(
    "number", ["LN/1", "A//B", "a b", "..", "../..", "ऋण-१", "x?y#z&w=%2F+", "'\""]
)
def test_a_loan_is_shown_across_phones_whatever_its_number_looks_like(
    client: Client, tenant: Tenant, number: str
) -> None:
    enter(tenant, date(2024, 10, 1), 18000, 0, loan_number=number)
    enter(
        tenant,
        date(2024, 11, 1),
        18000,
        0,
        loan_number=number,
        primary_phone="+919876543211",
    )
    enter(tenant, date(2024, 11, 1), 5, 0, loan_number="another")

    page = client.get(loan_address(number, tenant_id=tenant.pk))

    assert len(shown(page)) == 2
    assert "Phone: +919876543210 → +919876543211" in page.content.decode()


def test_older_entries_follow_on_pages_of_their_own(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_history, "__kwdefaults__", {"after": None, "most": 3})
    entries = [enter(tenant, date(2024, 1, day), 100 - day, 0) for day in range(1, 8)]
    same_day = [enter(tenant, date(2024, 1, 7), 50, 0) for _ in range(3)]

    seen, after = [], {}
    while True:
        page = client.get(phone_page(**after))
        seen += shown(page)
        if not page.context["history"].older:
            break
        after = {"after": shown(page)[-1].entry.pk}
        assert str(after["after"]) in page.content.decode()

    assert [step.entry for step in seen] == [*same_day[::-1], *entries[::-1]]
    assert [step.entry for step in seen if step.change is None] == [entries[0]]


def test_entries_of_a_cancelled_upload_say_so(client: Client, tenant: Tenant) -> None:
    upload = UploadRowFactory.create(tenant=tenant, status="cancelled")
    enter(tenant, date(2024, 1, 1), 1, 0, upload=upload)

    assert "This upload was cancelled" in client.get(phone_page()).content.decode()


def test_what_is_not_there_and_what_is_a_strangers_answers_alike(
    client: Client, tenant: Tenant
) -> None:
    rival = TenantFactory.create()
    enter(rival, date(2024, 1, 1), 1, 0)
    own = enter(tenant, date(2024, 1, 1), 1, 0, primary_phone="+919000000001")

    answers = [
        client.get(address)
        for address in (
            phone_page("+919999999999"),
            phone_page(),
            phone_address(PHONE, tenant_id=rival.pk),
            phone_address(own.primary_phone, tenant_id=rival.pk),
            loan_address("nothing", tenant_id=tenant.pk),
            loan_address("LN/1", tenant_id=rival.pk),
            loan_address("\0", tenant_id=tenant.pk),
            reverse("admin:customers_customer_loan"),
            phone_page("nobody"),
            phone_page(own.primary_phone, after="x"),
            phone_page(own.primary_phone, after=Customer.objects.first().pk),
            phone_page(own.primary_phone, tenant="9" * 5000),
        )
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def test_the_same_phone_at_another_tenant_is_another_history(
    client: Client, tenant: Tenant
) -> None:
    rival = TenantFactory.create(name="Rival Finance")
    own = enter(tenant, date(2024, 1, 1), 1, 0)
    theirs = enter(rival, date(2024, 2, 1), 2, 0, full_name="Somebody Else")

    of_clerk = client.get(phone_page())
    client.force_login(User.objects.create_superuser("owner"))
    of_owner = client.get(phone_address(PHONE, tenant_id=rival.pk))

    assert [step.entry for step in shown(of_clerk)] == [own]
    assert "Rival Finance" not in of_clerk.content.decode()
    assert [step.entry for step in shown(of_owner)] == [theirs]
    assert tenant.name in of_owner.content.decode()


@pytest.mark.parametrize("phone", [PHONE, "+919999999999"])
def test_staff_without_permission_are_refused(
    client: Client, clerk: User, tenant: Tenant, phone: str
) -> None:
    enter(tenant, date(2024, 1, 1), 1, 0)
    clerk.groups.clear()
    clerk.user_permissions.set(
        Permission.objects.exclude(content_type__model="customer")
    )

    assert client.get(phone_page(phone)).status_code == 403
    assert client.get(loan_address("LN/1", tenant_id=tenant.pk)).status_code == 403


def test_a_long_history_takes_as_many_queries_as_a_short_one(
    client: Client, tenant: Tenant, django_assert_max_num_queries: Any
) -> None:
    for month in range(1, 13):
        enter(tenant, date(2024, month, 1), 1000 - month, 0)

    with django_assert_max_num_queries(18):
        page = client.get(phone_page())
    with django_assert_max_num_queries(18):
        client.get(loan_address("LN/1", tenant_id=tenant.pk))

    assert len(shown(page)) == 12


def test_the_list_and_an_entrys_page_lead_to_the_histories(
    client: Client, tenant: Tenant
) -> None:
    entry = enter(tenant, date(2024, 1, 1), 1, 0)

    pages = [
        client.get(reverse("admin:customers_customer_changelist")),
        client.get(reverse("admin:customers_customer_change", args=[entry.pk])),
    ]

    for page in pages:
        assert f"/phone/?number=%2B{PHONE[1:]}&amp;tenant=" in page.content.decode()
        assert "/loan/?number=LN%2F1&amp;tenant=" in page.content.decode()


def test_a_chart_rises_to_the_highest_and_needs_no_script(
    client: Client, tenant: Tenant
) -> None:
    enter(tenant, date(2024, 1, 1), 20000, 0)
    enter(tenant, date(2024, 1, 31), 10000, 30)

    page = client.get(phone_page())

    chart = page.context["cards"][0].chart
    assert chart is not None
    assert [(p.x, p.owed, p.late) for p in chart.points] == [(4, 6, 0), (96, 53, 94)]
    drawn = page.content.decode().partition("<svg viewBox")[2].partition("</svg>")[0]
    assert 'points="4.0,6.0 96.0,53.0"' in drawn
    assert "31 Jan 2024: ₹10,000, 30 days past due" in drawn
    assert "script" not in drawn


def test_a_plus_typed_into_the_address_is_understood_and_no_log_names_the_phone(
    client: Client, tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    enter(tenant, date(2024, 1, 1), 20000, 0)
    address = reverse("admin:customers_customer_phone")

    found = [client.get(f"{address}?number={typed}") for typed in (PHONE, PHONE[1:])]
    client.get(f"{address}?number=+919999999999")

    assert [len(shown(page)) for page in found] == [1, 1]
    assert "9999999999" not in caplog.text
