"""Every page of the admin, opened by another tenant's staff with every permission."""

import uuid
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.db.models import UUIDField
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.tests.rows import CLOSED_MAKERS, MAKERS, make_upload
from tenants.scoped_admin import SuperuserOnly, TenantScopedAdmin
from tenants.tests.factories import (
    MembershipFactory,
    StaffFactory,
    TenantFactory,
)
from uploads.models import FileUpload

pytestmark = pytest.mark.django_db

PAGES = admin.site._registry
SCOPED = [
    m._meta.label for m, page in PAGES.items() if isinstance(page, TenantScopedAdmin)
]
CLOSED = [m._meta.label for m, page in PAGES.items() if isinstance(page, SuperuserOnly)]


def address(label: str, page: str, *args: Any) -> str:
    options = apps.get_model(label)._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_{page}", args=args)


@pytest.fixture
def stranger(client: Client) -> User:
    """Staff of another tenant, logged in, to whom every permission was given."""
    user = MembershipFactory.create().user
    user.user_permissions.set(Permission.objects.all())
    client.force_login(user)
    return user


def test_every_page_is_scoped_by_tenant_or_for_superusers_only() -> None:
    assert {m._meta.label for m in PAGES} == {*SCOPED, *CLOSED}
    assert set(SCOPED) <= set(MAKERS)


@pytest.mark.parametrize("page", ["change", "history", "delete"])
@pytest.mark.parametrize("label", SCOPED)
def test_a_strangers_row_is_answered_like_a_row_that_is_not_there(
    client: Client, stranger: User, label: str, page: str
) -> None:
    row = MAKERS[label](TenantFactory.create())
    is_uuid = isinstance(row._meta.pk, UUIDField)
    nothing = uuid.uuid4() if is_uuid else 987_654_321

    theirs, none = (address(label, page, pk) for pk in (row.pk, nothing))

    seen = [client.get(theirs), client.get(none)]
    posted = [client.post(one, {"post": "yes"}) for one in (theirs, none)]

    # A page that nobody may use, such as deleting a fact, is refused to everybody.
    assert {answer.status_code for answer in seen} in ({404}, {403})
    assert {answer.status_code for answer in posted} in ({404}, {403})
    assert seen[0].content == seen[1].content
    assert posted[0].content == posted[1].content
    assert type(row)._default_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize("label", SCOPED)
def test_a_list_shows_the_visitors_tenants_rows_and_no_others(
    client: Client, stranger: User, label: str
) -> None:
    theirs = MAKERS[label](TenantFactory.create())
    own = MAKERS[label](stranger.memberships.get().tenant)

    response = client.get(address(label, "changelist"))

    assert response.status_code == 200
    shown = {row.pk for row in response.context["cl"].result_list}
    assert own.pk in shown
    assert theirs.pk not in shown


@pytest.mark.parametrize("label", SCOPED)
def test_choices_and_filters_name_no_other_tenant(
    client: Client, stranger: User, label: str
) -> None:
    MAKERS[label](TenantFactory.create(name="Rival Finance"))
    MembershipFactory.create(user=stranger)  # of two tenants: the filter is shown
    own = MAKERS[label](stranger.memberships.first().tenant)

    pages = [
        client.get(address(label, "changelist")),
        client.get(address(label, "change", own.pk)),
        client.get(address(label, "add")),
    ]

    assert pages[0].status_code == 200
    assert not any("Rival Finance" in page.content.decode() for page in pages)


@pytest.mark.parametrize("label", SCOPED)
def test_a_list_of_a_tenant_that_cannot_be_is_empty(
    client: Client, stranger: User, label: str
) -> None:
    MembershipFactory.create(user=stranger)  # of two tenants: the filter is there
    MAKERS[label](stranger.memberships.first().tenant)
    # More digits than Python makes a number of.
    response = client.get(address(label, "changelist"), {"tenant": "9" * 5000})

    if label == "tenants.Tenant":  # has no filters, and says so by leading elsewhere
        assert response.status_code == 302
    else:
        assert not response.context["cl"].result_count


@pytest.mark.parametrize("label", ["customers.Customer", "uploads.RowIssue"])
def test_a_filter_names_no_strangers_file(
    client: Client, stranger: User, label: str
) -> None:
    theirs = make_upload(TenantFactory.create())
    FileUpload.objects.update(original_name="rival-dues.csv")
    list_of_all, list_of_theirs = (
        client.get(address(label, "changelist"), chosen)
        for chosen in ({}, {"upload": theirs.pk})
    )

    assert "rival-dues" not in list_of_all.content.decode()
    assert "rival-dues" not in list_of_theirs.content.decode()


@pytest.mark.parametrize("label", CLOSED)
def test_what_belongs_to_no_tenant_is_for_superusers_only(
    client: Client, stranger: User, label: str
) -> None:
    row = CLOSED_MAKERS[label]()
    pages = [address(label, "changelist"), address(label, "add")]
    pages += [address(label, page, row.pk) for page in ("change", "delete", "history")]

    seen = {client.get(page).status_code for page in pages}
    posted = {client.post(page, {"post": "yes"}).status_code for page in pages}
    client.force_login(User.objects.create_superuser("owner"))
    opened = client.get(pages[0])

    assert seen == {403}
    assert posted == {403}
    assert type(row)._default_manager.filter(pk=row.pk).exists()
    assert opened.status_code == 200


@pytest.mark.parametrize("label", [*SCOPED, *CLOSED])
def test_staff_without_permission_see_no_page(client: Client, label: str) -> None:
    client.force_login(MembershipFactory.create().user)

    assert client.get(address(label, "changelist")).status_code == 403


@pytest.mark.parametrize("label", SCOPED)
def test_staff_of_no_tenant_see_no_row(client: Client, label: str) -> None:
    row = MAKERS[label](TenantFactory.create())
    nobody = StaffFactory.create()
    nobody.user_permissions.set(Permission.objects.all())
    client.force_login(nobody)

    assert client.get(address(label, "change", row.pk)).status_code == 404
    assert not client.get(address(label, "changelist")).context["cl"].result_count


@pytest.mark.parametrize("label", [*SCOPED, *CLOSED])
def test_every_page_opens_for_a_superuser(client: Client, label: str) -> None:
    owner = User.objects.create_superuser("owner")
    client.force_login(owner)
    maker = MAKERS.get(label)
    pages = [address(label, "changelist")]
    if maker:
        row = maker(TenantFactory.create())
        pages += [address(label, page, row.pk) for page in ("change", "history")]

    assert [client.get(page).status_code for page in pages] == [200] * len(pages)


@pytest.mark.parametrize("label", SCOPED)
def test_a_full_list_takes_as_many_queries_as_a_row(client: Client, label: str) -> None:
    client.force_login(User.objects.create_superuser("owner"))
    address_of_list = address(label, "changelist")
    MAKERS[label](TenantFactory.create())
    with CaptureQueriesContext(connection) as of_few:
        client.get(address_of_list)

    for _ in range(25):
        MAKERS[label](TenantFactory.create())
    with CaptureQueriesContext(connection) as of_many:
        response = client.get(address_of_list)

    assert len(response.context["cl"].result_list) == 25
    assert len(of_many) == len(of_few)
