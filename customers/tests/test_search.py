"""Entries are found by name, phone and loan number, in all files."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from customers import search
from customers.erasing import forget_entries
from customers.models import Customer, SearchIndex, SearchTerm
from customers.search import TOO_SHORT, find_phones, is_too_short, matching
from customers.search_index import index_next_lines
from customers.services import remove_entries
from customers.tests.factories import CustomerFactory
from customers.tests.indexed import NOW, index_all, loaded_upload
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory

pytestmark = pytest.mark.django_db

LIST = reverse("admin:customers_customer_changelist")


@pytest.fixture
def tenant() -> Tenant:
    return TenantFactory.create(country="IN")


@pytest.fixture
def entry(tenant: Tenant) -> Customer:
    """An entry of an upload that has ended; `index_all` makes its index."""
    return CustomerFactory.create(
        tenant=tenant,
        upload=loaded_upload(tenant),
        full_name="Asha D'Souza-Kadam",
        primary_phone="+919800002015",
        alternate_phone="+919700003377",
        loan_number="Sf-2407/b",
    )


def found(text: str, **options: Any) -> list[Customer]:
    tenants = list(Tenant.objects.all())
    return list(matching(Customer.objects.all(), text, tenants=tenants, **options))


@pytest.mark.parametrize(
    "text",
    ["asha", "Kadam", "kadam ash", "KADAM, Asha", "  asha  ", "a kadam", "d'souza",
     "015", "2015", "002015", "980", "98000", "98000 02015", "98000-02015",
     "98000\u201302015", "9800002015", "09800002015", "919800002015",
     "+91 98000 02015", "(+91) 98000.02015", "00919800002015", "091-9800002015",
     "+91 (0) 98000 02015", "٩٨٠٠٠٠٢٠١٥", "९८००००२०१५",
     "377", "3377", "9700003377", "09700003377",
     "Sf-2407/b", "SF2407", "sf 2407", "f-24", "2407B", "07b", "2407", "sF-2407-B"],
)  # fmt: skip
def test_an_entry_is_found_by_what_staff_have_in_hand(
    tenant: Tenant, entry: Customer, text: str
) -> None:
    CustomerFactory.create(
        tenant=tenant,
        upload=loaded_upload(tenant),
        full_name="Vikram Rao",
        primary_phone="+919812345678",
        loan_number="X1",
    )
    index_all()

    assert found(text) == [entry]


@pytest.mark.parametrize(
    "text",
    ["zzz", "dam", "sha", "2016", "990", "asha zzz", "2407C", "SF2408", "आशा",
     "asha vikram", "'; DROP TABLE customers; --", "q" * 10_000, "9" * 10_000,
     "a " * 5_000 + "zz"],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_what_nobody_is_called_finds_nobody(entry: Customer, text: str) -> None:
    index_all()

    assert found(text) == []


@pytest.mark.parametrize(
    "text",
    ["a", "a b", "5", "15", "2 4", "%", "%a", "_", "\\", "'", '"', "---", "😀", "(",
     "\u0301", "ि"],
)  # fmt: skip
def test_too_little_is_not_searched_for_and_says_so(
    client: Client, clerk: User, text: str
) -> None:
    ours = clerk.memberships.get().tenant
    CustomerFactory.create(tenant=ours, upload=loaded_upload(ours), full_name="A 15")
    index_all()

    page = client.get(LIST, {"q": text})

    assert is_too_short(text)
    assert TOO_SHORT in page.content.decode()
    assert list(page.context["cl"].result_list) == []


@pytest.mark.parametrize("text", ["", "   ", "\0", " \0 "])
def test_nothing_typed_leaves_everybody(client: Client, clerk: User, text: str) -> None:
    ours = clerk.memberships.get().tenant
    entry = CustomerFactory.create(tenant=ours, upload=loaded_upload(ours))

    page = client.get(LIST, {"q": text})

    assert list(page.context["cl"].result_list) == [entry]
    assert TOO_SHORT not in page.content.decode()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("प्रिया शर्मा", "शर्"),
        ("प्रिया शर्मा", "प्रिया"),
        ("क्\u200dषमा", "क्षमा"),
        ("Jose\u0301 D'Souza", "jos\u00e9"),
        ("Jos\u00e9 D'Souza", "jose\u0301 souza"),
        ("ÉLODIE", "élod"),
        ("Ａｓｈａ", "asha"),
        ("24x7 Stores", "24x"),
        ("A. B. Rao", "a. rao"),
        ("Tab\tBack\\slash", "back"),
        ("one two three four five six seven", "seven six five four three two one"),
    ],
)
def test_a_name_is_found_however_it_is_written(
    tenant: Tenant, name: str, text: str
) -> None:
    upload = loaded_upload(tenant, rows=2)
    entry = CustomerFactory.create(tenant=tenant, upload=upload, full_name=name)
    CustomerFactory.create(tenant=tenant, upload=upload, full_name="Vikram one two")
    index_all()

    assert found(text) == [entry]


@pytest.mark.parametrize(
    ("loan", "text"),
    [
        ("LN\t01\\x", "ln\t01"),
        ("एल-42", "एल42"),
        ("A#7,(8)", "a78"),
        ("L" * 300, "LLL"),
        ("X1", "X1"),
    ],
)
def test_a_loan_number_is_found_whatever_stands_in_it(
    tenant: Tenant, loan: str, text: str
) -> None:
    entry = CustomerFactory.create(
        tenant=tenant, upload=loaded_upload(tenant), loan_number=loan
    )
    index_all()

    assert found(text) == [entry]


def test_names_are_found_in_all_files_whatever_their_size_and_age(
    tenant: Tenant, entry: Customer
) -> None:
    big = loaded_upload(tenant, rows=200_000)
    far = CustomerFactory.create(
        tenant=tenant, upload=big, row_number=199_999, full_name="Asha Rao"
    )
    for _ in range(3):
        CustomerFactory.create(
            tenant=tenant, upload=loaded_upload(tenant, rows=90_000), full_name="Ravi"
        )
    index_all()

    assert set(found("asha")) == {entry, far}
    assert found("asha", upload_id=big.pk) == [far]


def test_of_an_upload_that_is_undone_nothing_stays_and_it_hides_no_other(
    tenant: Tenant, entry: Customer
) -> None:
    undone = loaded_upload(tenant, rows=90_000)
    CustomerFactory.create(tenant=tenant, upload=undone, full_name="Asha Undone")
    index_all()

    remove_entries(tenant=tenant, upload_id=undone.pk)
    undone.status, undone.undone_at = "undone", NOW
    undone.save()
    index_all()

    assert found("asha") == [entry]
    assert not SearchTerm.objects.filter(upload=undone).exists()
    assert not SearchIndex.objects.filter(upload=undone).exists()


def test_of_whom_is_erased_nothing_stays_in_the_index(
    tenant: Tenant, entry: Customer
) -> None:
    related = CustomerFactory.create(
        tenant=tenant,
        upload=entry.upload,
        full_name="Vikram Kadam",
        primary_phone="+919833334444",
        alternate_phone=entry.primary_phone,
        row_number=entry.row_number + 1,
    )
    index_all()
    assert set(found("2015")) == {entry, related}

    forget_entries(tenant=tenant, uploads=[entry.upload_id], phones=["919800002015"])

    for text in ("2015", "asha", "SF2407", "souza"):
        assert found(text) == []
    assert found("kadam") == [related]
    assert found("4444") == [related]
    left = SearchTerm.objects.values_list("term", "row_numbers")
    assert dict(left) == {
        term: [related.row_number] for term in ("nvikram", "nkadam", "p444")
    }


def test_an_upload_that_got_more_rows_is_indexed_anew(
    tenant: Tenant, entry: Customer
) -> None:
    index_all()
    late = CustomerFactory.create(
        tenant=tenant, upload=entry.upload, row_number=1, full_name="Late Comer"
    )
    entry.upload.total_rows = entry.upload.succeeded_rows = 2
    entry.upload.save()
    index_all()

    assert found("comer") == [late]
    assert found("asha") == [entry]
    assert SearchIndex.objects.get().row_count == 2


def test_a_large_upload_is_indexed_some_lines_at_a_time(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("customers.search_index._LINES_AT_ONCE", 2)
    upload = loaded_upload(tenant, rows=5)
    lines = [2, 3, 7, 8, 20]
    for line in lines:
        CustomerFactory.create(
            tenant=tenant, upload=upload, row_number=line, full_name="Asha"
        )

    assert index_next_lines(now=NOW)
    assert SearchIndex.objects.get().completed_at is None
    assert len(found("asha")) == 2
    index_all()

    assert SearchIndex.objects.get().completed_at == NOW
    assert sorted(entry.row_number for entry in found("asha")) == lines
    assert not index_next_lines(now=NOW)


def test_making_an_index_twice_changes_nothing(tenant: Tenant, entry: Customer) -> None:
    index_all()
    terms = list(SearchTerm.objects.order_by("pk").values())

    index_all()

    assert list(SearchTerm.objects.order_by("pk").values()) == terms
    assert SearchIndex.objects.get().completed_at == NOW


def test_a_list_names_the_files_that_are_not_indexed_yet(
    client: Client, clerk: User
) -> None:
    ours = clerk.memberships.get().tenant
    loading = loaded_upload(ours, status="processing", original_name="new.csv")
    CustomerFactory.create(tenant=ours, upload=loading, full_name="Asha")
    stranger = loaded_upload(TenantFactory.create(), original_name="secret.csv")
    CustomerFactory.create(tenant=stranger.tenant, upload=stranger)

    early = client.get(LIST, {"q": "asha"}).content.decode()
    unasked = client.get(LIST).content.decode()
    assert not index_next_lines(now=NOW, upload_id=loading.pk)
    loading.status = "completed"
    loading.save()
    index_all()
    late = client.get(LIST, {"q": "asha"})

    assert "Still being indexed: new.csv." in early
    assert "secret.csv" not in early
    assert "Still being indexed" not in unasked
    assert "Still being indexed" not in late.content.decode()
    assert len(late.context["cl"].result_list) == 1


def test_a_search_stays_with_the_tenants_it_is_given(
    client: Client, clerk: User, entry: Customer
) -> None:
    ours = clerk.memberships.get().tenant
    mine = CustomerFactory.create(
        tenant=ours,
        upload=loaded_upload(ours),
        full_name=entry.full_name,
        primary_phone=entry.primary_phone,
        loan_number=entry.loan_number,
    )
    index_all()

    for text in ("asha", "2015", "2407", "sf2407b", "09800002015"):
        page = client.get(LIST, {"q": text})
        assert list(page.context["cl"].result_list) == [mine], text
        assert find_phones(text, tenants=[ours]) == {(ours.pk, mine.primary_phone)}
    stranger = client.get(LIST, {"q": "asha", "upload": entry.upload_id})
    assert not list(stranger.context["cl"].result_list)


def test_a_filter_leaves_some_of_what_is_found(
    client: Client, clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many others have the same name, in newer files too."""
    monkeypatch.setattr(search, "_MOST_READ", 2)
    monkeypatch.setattr(search, "_MOST", 3)
    ours = clerk.memberships.get().tenant
    names = {"full_name": "Asha", "tenant": ours}
    rare = CustomerFactory.create(**names, upload=loaded_upload(ours), state="Goa")
    many = loaded_upload(ours, rows=9)
    CustomerFactory.create_batch(9, **names, upload=many, state="Kerala")
    index_all()

    page = client.get(LIST, {"q": "asha", "state": "Goa"})

    assert list(page.context["cl"].result_list) == [rare]


def test_more_than_a_search_finds_is_said(
    client: Client, clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = clerk.memberships.get().tenant
    monkeypatch.setattr("customers.admin.MOST_FOUND", 2)
    monkeypatch.setattr(search, "_MOST", 3)
    upload = loaded_upload(ours, rows=5)
    CustomerFactory.create_batch(5, tenant=ours, upload=upload, full_name="Asha")
    index_all()

    page = client.get(LIST, {"q": "asha"})

    assert page.context["cl"].paginator.more
    assert page.context["cl"].result_count == 2


def test_both_phones_of_whom_a_text_means_are_found(
    tenant: Tenant, entry: Customer
) -> None:
    index_all()
    both = {(tenant.pk, entry.primary_phone), (tenant.pk, entry.alternate_phone)}

    assert find_phones("n-0042", tenants=[tenant]) == set()
    assert find_phones("f 2407", tenants=[tenant]) == both
    assert find_phones("asha", tenants=[tenant]) == both
    assert find_phones("asha", tenants=[TenantFactory.create()]) == set()
    assert find_phones("  ", tenants=[tenant]) == set()


def test_terms_compare_byte_by_byte_on_every_machine() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT collation_name FROM information_schema.columns"
            " WHERE table_name = 'customer_search_terms' AND column_name = 'term'"
        )
        assert cursor.fetchone() == ("C",)
