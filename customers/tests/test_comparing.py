import itertools
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from customers.changes import change_between
from customers.comparing import compare_uploads, read_pairs
from customers.models import Comparison, Customer
from customers.tests.factories import CustomerFactory, UploadRowFactory
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant() -> Tenant:
    return TenantFactory.create()


def file_of(tenant: Tenant, *rows: tuple[Any, ...]) -> Any:
    """An upload with rows of (loan number, outstanding, days past due, phone)."""
    upload = UploadRowFactory.create(tenant=tenant)
    for line, (loan, owed, late, *phone) in enumerate(rows, start=2):
        CustomerFactory.create(
            tenant=tenant,
            upload=upload,
            row_number=line,
            loan_number=loan,
            outstanding_amount=None if owed is None else Decimal(owed),
            days_past_due=late,
            primary_phone=phone[0] if phone else "+919876543210",
        )
    return upload


def compared(tenant: Tenant, earlier: Any, later: Any) -> Comparison:
    return compare_uploads(
        tenant=tenant,
        earlier_id=earlier.pk,
        later_id=later.pk,
        now=timezone.now(),
    )


def outcomes(comparison: Comparison) -> dict[str, list[str]]:
    """Return the loan numbers, or else phones, by outcome, in the order of a list."""
    return {
        group.outcome: [
            pair.newest.loan_number or pair.newest.primary_phone
            for pair in read_pairs(group=group)
        ]
        for group in comparison.groups.all()
    }


def test_loans_are_new_gone_unchanged_better_or_worse(tenant: Tenant) -> None:
    earlier = file_of(
        tenant, ("A", 100, 0), ("B", 200, 0), ("C", 300, 10), ("D", 400, 0)
    )
    later = file_of(tenant, ("C", 300, 40), ("B", 150, 0), ("A", 100, 0), ("E", 500, 5))

    comparison = compared(tenant, earlier, later)

    assert outcomes(comparison) == {
        "unchanged": ["A"],
        "better": ["B"],
        "worse": ["C"],
        "gone": ["D"],
        "new": ["E"],
    }
    totals = {
        group.outcome: (
            group.loan_count,
            group.outstanding_before,
            group.outstanding_after,
            group.outstanding_change,
        )
        for group in comparison.groups.all()
    }
    assert totals == {
        "unchanged": (1, 100, 100, 0),
        "better": (1, 200, 150, -50),
        "worse": (1, 300, 300, 0),
        "gone": (1, 400, 0, -400),
        "new": (1, 0, 500, 500),
    }


def test_those_who_owe_most_come_first(tenant: Tenant) -> None:
    earlier = file_of(tenant)
    later = file_of(tenant, ("A", 100, 0), ("B", None, 0), ("C", 300, 0))

    assert outcomes(compared(tenant, earlier, later)) == {"new": ["C", "A", "B"]}


@pytest.mark.parametrize("owed", list(itertools.product([None, 100, 200], repeat=2)))
@pytest.mark.parametrize("late", list(itertools.product([None, 0, 30], repeat=2)))
def test_the_verdict_is_the_same_in_a_history(
    tenant: Tenant, owed: tuple[Any, Any], late: tuple[Any, Any]
) -> None:
    earlier, later = (file_of(tenant, ("A", owed[side], late[side])) for side in (0, 1))

    (group,) = compared(tenant, earlier, later).groups.all()

    entries = [Customer.objects.get(upload=one) for one in (earlier, later)]
    assert group.outcome == change_between(*entries).verdict


def test_entries_without_a_loan_number_are_matched_by_phone(tenant: Tenant) -> None:
    earlier = file_of(tenant, ("", 100, 0, "+919000000001"), ("A", 100, 0))
    later = file_of(
        tenant,
        ("", 90, 0, "+919000000001"),
        ("A", 100, 0, "+919000000001"),
        ("B", 70, 0, "+919000000001"),
    )

    assert outcomes(compared(tenant, earlier, later)) == {
        "better": ["+919000000001"],
        "unchanged": ["A"],
        "new": ["B"],
        "other_phone": ["A"],
    }


def test_a_file_that_names_no_loan_is_matched_by_phone(tenant: Tenant) -> None:
    earlier = file_of(tenant, ("A", 100, 0, "+919000000001"))
    later = file_of(tenant, ("", 90, 0, "+919000000001"))

    comparison = compared(tenant, earlier, later)

    assert comparison.by_phone
    assert outcomes(comparison) == {"better": ["+919000000001"]}


def test_of_several_lines_of_one_loan_the_last_counts(tenant: Tenant) -> None:
    earlier = file_of(tenant, ("A", 1, 0), ("A", 100, 0))
    later = file_of(tenant, ("A", 90, 0), ("B", 1, 0), ("A", 100, 0))

    comparison = compared(tenant, earlier, later)

    assert outcomes(comparison) == {"unchanged": ["A"], "new": ["B"]}
    assert (comparison.earlier_entries, comparison.later_entries) == (2, 3)


def test_a_comparison_is_made_once_until_entries_come_or_go(tenant: Tenant) -> None:
    earlier, later = file_of(tenant, ("A", 1, 0)), file_of(tenant, ("A", 1, 0))

    first = compared(tenant, earlier, later)
    second = compared(tenant, earlier, later)
    Customer.objects.filter(upload=earlier).delete()
    type(earlier).objects.filter(pk=earlier.pk).update(erased_rows=1)
    third = compared(tenant, earlier, later)

    assert second.made_at == first.made_at
    assert third.made_at > first.made_at
    assert outcomes(third) == {"new": ["A"]}
    assert Comparison.objects.count() == 1


def test_another_tenants_entries_are_not_compared(tenant: Tenant) -> None:
    own = file_of(tenant, ("A", 100, 0))
    theirs = file_of(TenantFactory.create(), ("A", 90, 0))

    assert outcomes(compared(tenant, theirs, own)) == {"new": ["A"]}


def test_a_page_of_a_list_begins_anywhere(tenant: Tenant) -> None:
    earlier = file_of(tenant)
    later = file_of(tenant, *((f"L{n}", 100 - n, 0) for n in range(7)))
    (group,) = compared(tenant, earlier, later).groups.all()

    pages = [
        [pair.newest.loan_number for pair in read_pairs(group=group, start=s, most=3)]
        for s in (0, 3, 6, 9)
    ]

    assert pages == [["L0", "L1", "L2"], ["L3", "L4", "L5"], ["L6"], []]
