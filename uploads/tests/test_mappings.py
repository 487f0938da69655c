"""What a tenant confirmed, remembered for files of exactly that header."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from tenants.models import Tenant
from tenants.tests.factories import MembershipFactory, TenantFactory
from uploads.choices import by_place, header_fingerprint, in_order
from uploads.columns import LABELS, is_helper
from uploads.header_names import fold
from uploads.layout import Layout
from uploads.mappings import find_mapping, remember_mapping
from uploads.models import ColumnMapping
from uploads.tests.factories import load

HEADERS = ("Party", "Cell #", "_error", "Docket", "Paid upto")
MEANINGS = {0: "full_name", 1: "primary_phone", 4: "due_date"}
LIST = reverse("admin:uploads_columnmapping_changelist")
ROWS = "Party,Cell #,Docket,Paid upto\nAsha,9876543210,7,2026-12-05\n"

words = st.text(alphabet="aB1 .नç_", max_size=4)
headers = st.lists(words, min_size=1, max_size=6)


def remember(tenant: Tenant, by: User) -> ColumnMapping:
    layout = Layout(
        encoding="utf-8",
        damaged=False,
        delimiter=",",
        headers=HEADERS,
        data_start=0,
        first_line=2,
        meanings=MEANINGS,
    )
    return remember_mapping(
        tenant_id=tenant.pk, layout=layout, confirmed_by=by, now=timezone.now()
    )


def page_of(mapping: ColumnMapping) -> str:
    return reverse("admin:uploads_columnmapping_change", args=[mapping.pk])


def forget(mapping: ColumnMapping) -> str:
    return reverse("admin:uploads_columnmapping_forget", args=[mapping.pk])


def as_shown(client: Client, mapping: ColumnMapping) -> dict[str, str]:
    """Return what the page of a mapping sends back when it is to be forgotten."""
    return {"_shown": client.get(page_of(mapping)).context["shown_token"]}


@given(headers, headers)
def test_headers_are_alike_when_their_folded_columns_are(
    one: list[str], other: list[str]
) -> None:
    def folded(header: list[str]) -> list[str]:
        # Of marks alone each is a header of its own.
        return [fold(name) or name.strip() for name in header if not is_helper(name)]

    alike = header_fingerprint(one) == header_fingerprint(other)

    assert alike == (folded(one) == folded(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [("₹", "#"), ("₹", ""), ("Paid ₹", "Paid %"), ("Balance $", "Balance"), ("*", "-")],
)
def test_signs_tell_headers_apart(one: str, other: str) -> None:
    assert header_fingerprint([one]) != header_fingerprint([other])


def test_marks_that_part_words_tell_no_headers_apart() -> None:
    names = ["Mobile No", "mobile_no", "MOBILE-NO.", "Mobile (No)*", " Mobile  No: "]

    assert len({header_fingerprint([name]) for name in names}) == 1


@given(headers, st.data())
def test_meanings_find_their_columns_again_whatever_helpers_stand_between(
    header: list[str], data: st.DataObject
) -> None:
    places = [place for place, name in enumerate(header) if not is_helper(name)]
    meanings = data.draw(
        st.dictionaries(st.sampled_from(places), st.sampled_from([*LABELS]))
        if places
        else st.just({})
    )
    where = data.draw(st.integers(0, len(header)))
    mended = [*header[:where], "_line", *header[where:]]

    found = by_place(mended, in_order(header, meanings))

    assert [mended[place] for place in sorted(found)] == [
        header[place] for place in sorted(meanings)
    ]
    assert list(dict(sorted(found.items())).values()) == list(
        dict(sorted(meanings.items())).values()
    )


@pytest.mark.django_db
def test_a_mapping_serves_its_tenant_and_its_header_only(
    clerk: User, tenant: Tenant
) -> None:
    mapping = remember(tenant, clerk)
    other = TenantFactory.create()
    same = ["PARTY", "cell#", "docket", "Paid-upto"]

    assert find_mapping(tenant_id=tenant.pk, headers=same) == mapping
    assert find_mapping(tenant_id=other.pk, headers=same) is None
    for changed in (same[:3], [*same, ""], same[::-1], [*same[:3], "Paid on"]):
        assert find_mapping(tenant_id=tenant.pk, headers=changed) is None
    assert load(ROWS, tenant=tenant).status == "completed"
    assert load(ROWS, tenant=other).status == "failed"


@pytest.mark.django_db
def test_the_last_word_on_a_header_counts(clerk: User, tenant: Tenant) -> None:
    remember(tenant, clerk)
    somebody = MembershipFactory.create(tenant=tenant).user

    remember(tenant, somebody)

    assert ColumnMapping.objects.get().confirmed_by == somebody


@pytest.mark.django_db
def test_a_mapping_is_looked_at_and_forgotten(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    mapping = remember(tenant, clerk)

    listed = client.get(LIST).content.decode()
    shown = client.get(page_of(mapping)).content.decode()
    response = client.post(forget(mapping), as_shown(client, mapping))

    assert "Party, Cell #, _error, Docket and 1 more" in listed
    assert "due date" in shown
    assert "kept as it is" in shown
    assert response.url == LIST
    assert not ColumnMapping.objects.exists()
    assert load(ROWS, tenant=tenant).status == "failed"


@pytest.mark.django_db
def test_a_layout_that_was_confirmed_again_meanwhile_is_not_forgotten_unseen(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    mapping = remember(tenant, clerk)
    stale = as_shown(client, mapping)
    somebody = MembershipFactory.create(tenant=tenant).user
    again = remember(tenant, somebody)
    again.mapping = ["full_name", "primary_phone", "loan_number", ""]
    again.save()

    answers = [client.post(forget(mapping), sent, follow=True) for sent in (stale, {})]
    still_there = ColumnMapping.objects.exists()
    client.post(forget(mapping), as_shown(client, mapping))

    said = [str(next(iter(one.context["messages"]))) for one in answers]
    assert said[0].startswith(
        f"Nothing was forgotten: {somebody} confirmed this layout again while its page "
        "was open ("
    )
    assert said[0].endswith(
        "), and changed “Docket” from “kept as it is” to “loan number”, “Paid upto” "
        "from “due date” to “kept as it is”."
    )
    assert "opened too long ago" in said[1]
    assert still_there
    assert not ColumnMapping.objects.exists()


@pytest.mark.django_db
def test_a_layout_that_was_forgotten_already_is_said_to_be(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    mapping = remember(tenant, clerk)
    sent = as_shown(client, mapping)
    client.post(forget(mapping), sent)

    answer = client.post(forget(mapping), sent, follow=True)

    assert answer.redirect_chain[0][0] == LIST
    assert "This layout was forgotten already." in answer.content.decode()


@pytest.mark.django_db
def test_forgetting_is_posted_by_who_may(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    mapping = remember(tenant, clerk)
    got = client.get(forget(mapping))
    role = clerk.groups.get()
    role.permissions.remove(*role.permissions.filter(codename="change_columnmapping"))

    posted = client.post(forget(mapping))

    assert (got.status_code, posted.status_code) == (405, 403)
    assert "Forget this layout" not in client.get(page_of(mapping)).content.decode()
    assert ColumnMapping.objects.exists()


@pytest.mark.django_db
def test_a_stranger_finds_no_mapping(client: Client, clerk: User) -> None:
    theirs = remember(TenantFactory.create(), clerk)
    nothing = client.get(reverse("admin:uploads_columnmapping_change", args=[999_999]))

    for response in (client.get(page_of(theirs)), client.post(forget(theirs))):
        assert response.status_code == 404
        assert response.content == nothing.content
    assert client.get(LIST).context["cl"].result_count == 0
    assert ColumnMapping.objects.exists()


@pytest.mark.django_db
def test_the_list_asks_no_more_for_more_mappings(
    client: Client, clerk: User, tenant: Tenant, django_assert_max_num_queries
) -> None:
    for number in range(30):
        ColumnMapping.objects.create(
            tenant=tenant,
            header_fingerprint=str(number),
            headers=["Name", "Mobile"],
            mapping=["full_name", "primary_phone"],
            confirmed_by=clerk,
        )

    with django_assert_max_num_queries(12):
        page = client.get(LIST)

    assert len(page.context["cl"].result_list) == 25
