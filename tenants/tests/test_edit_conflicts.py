"""Two pages of one row: each writes what its reader changed, and nothing is lost."""

import json
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.db.models import QuerySet
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tenants.edit_conflicts import EditConflictAdmin
from tenants.models import Membership, Tenant, WhatsAppNumber
from tenants.shown_values import read_shown
from tenants.tests.factories import (
    StaffFactory,
    TenantFactory,
    WhatsAppNumberFactory,
    clerk_of,
)
from tenants.tests.form_pages import errors_of, is_sent, opened

pytestmark = pytest.mark.django_db
NO_INLINES = {
    f"{prefix}-{name}_FORMS": "0"
    for prefix in ("whatsapp_numbers", "memberships")
    for name in ("TOTAL", "INITIAL")
}


def page_of(row: Any) -> str:
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    return reverse(name, args=[row.pk])


@pytest.fixture
def tenant(owner: User) -> Tenant:
    return TenantFactory.create(name="Sunrise", slug="sunrise")


@pytest.fixture
def colleague() -> Client:
    """Another superuser's browser."""
    client = Client()
    client.force_login(User.objects.create_superuser("ravi"))
    return client


def row(tenant: Tenant) -> QuerySet[Tenant]:
    return Tenant.objects.filter(pk=tenant.pk)


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def last_message() -> str:
    return LogEntry.objects.latest("pk").get_change_message()


def test_two_pages_that_change_two_fields_both_keep_what_they_changed(
    client: Client, colleague: Client, tenant: Tenant
) -> None:
    mine = opened(client, page_of(tenant), name="Sunrise Ltd", **NO_INLINES)
    theirs = opened(colleague, page_of(tenant), keep_media_days="30", **NO_INLINES)

    answers = [
        colleague.post(page_of(tenant), theirs),
        client.post(page_of(tenant), mine),
    ]

    assert [answer.status_code for answer in answers] == [302, 302]
    tenant.refresh_from_db()
    assert (tenant.name, tenant.keep_media_days) == ("Sunrise Ltd", 30)


def test_a_field_that_both_changed_comes_back_with_both_values_and_who_it_was(
    client: Client, colleague: Client, tenant: Tenant
) -> None:
    mine = opened(client, page_of(tenant), name="Sunrise Ltd", **NO_INLINES)
    theirs = opened(colleague, page_of(tenant), name="Sunset", **NO_INLINES)
    colleague.post(page_of(tenant), theirs)

    refused = client.post(page_of(tenant), mine)

    (sentence,) = errors_of(refused)["name"]
    assert sentence.startswith(
        "While this page was open, “Name” was changed from “Sunrise” to “Sunset” by "
        "ravi ("
    )
    assert sentence.endswith(
        "). You entered “Sunrise Ltd”. Nothing is saved yet: save again to replace "
        "“Sunset”."
    )
    form = refused.context["adminform"].form
    assert form["name"].value() == "Sunrise Ltd"
    assert row(tenant).get().name == "Sunset"

    again = client.post(page_of(tenant), {**mine, "_shown": form.shown_token})

    assert again.status_code == 302
    assert row(tenant).get().name == "Sunrise Ltd"


def test_a_form_that_comes_back_shows_what_others_stored_in_the_fields_left_alone(
    client: Client, tenant: Tenant
) -> None:
    mine = opened(client, page_of(tenant), country="XX", **NO_INLINES)
    row(tenant).update(name="Sunset", on_hold=True, keep_media_days=9)

    form = client.post(page_of(tenant), mine).context["adminform"].form
    shown = {name: form[name].value() for name in ("name", "on_hold", "country")}
    mended = {"name": "Sunset", "on_hold": "on", "keep_media_days": "9"}
    sent = {**mine, **mended, "country": "AE", "_shown": form.shown_token}
    answer = client.post(page_of(tenant), sent)

    assert shown == {"name": "Sunset", "on_hold": True, "country": "XX"}
    assert answer.status_code == 302
    tenant.refresh_from_db()
    assert (tenant.name, tenant.on_hold, tenant.country) == ("Sunset", True, "AE")


def test_a_page_left_open_writes_nothing_back_and_says_so(
    client: Client, tenant: Tenant
) -> None:
    mine = opened(client, page_of(tenant), **NO_INLINES)
    row(tenant).update(name="Sunset", country="AE", on_hold=True)
    before = row(tenant).values().get()

    answer = client.post(page_of(tenant), mine, follow=True)

    assert row(tenant).values().get() == before
    assert messages_of(answer) == ["You changed nothing here, so nothing was saved."]
    assert not LogEntry.objects.exists()


def test_only_the_changed_column_is_written(client: Client, tenant: Tenant) -> None:
    sent = opened(client, page_of(tenant), name="Sunset", **NO_INLINES)

    with CaptureQueriesContext(connection) as queries:
        client.post(page_of(tenant), sent)

    (update,) = [
        query["sql"] for query in queries if query["sql"].startswith('UPDATE "tenants"')
    ]
    assert update.startswith(
        """UPDATE "tenants" SET "name" = 'Sunset' WHERE "tenants"."id" ="""
    )


def test_what_both_changed_to_the_same_is_no_conflict(
    client: Client, colleague: Client, tenant: Tenant
) -> None:
    mine = opened(client, page_of(tenant), name="Sunset", **NO_INLINES)
    row(tenant).update(name="Sunset")

    assert client.post(page_of(tenant), mine).status_code == 302


@pytest.mark.parametrize("token", [None, "nonsense", "another row's"])
def test_a_page_that_does_not_say_what_it_showed_saves_nothing_at_first(
    client: Client, tenant: Tenant, token: str | None
) -> None:
    if token == "another row's":
        other = page_of(TenantFactory.create())
        token = opened(client, other)["_shown"]
    sent = opened(client, page_of(tenant), name="Old", **NO_INLINES)

    refused = client.post(
        page_of(tenant),
        {**{k: v for k, v in sent.items() if k != "_shown"}, "_shown": token or ""},
    )
    form = refused.context["adminform"].form
    again = client.post(page_of(tenant), {**sent, "_shown": form.shown_token})

    (sentence,) = errors_of(refused)["name"]
    assert sentence.startswith("“Name” is “Sunrise” now. This page was opened too long")
    assert again.status_code == 302
    tenant.refresh_from_db()
    assert tenant.name == "Old"


@pytest.mark.parametrize("stored", [" Sun\nrise ", "Sun\r\nrise", "Sunrise "])
def test_what_a_browser_makes_of_line_breaks_and_edges_changes_nothing(
    client: Client, tenant: Tenant, stored: str
) -> None:
    row(tenant).update(name=stored)
    sent = opened(client, page_of(tenant), **NO_INLINES)
    sent["name"] = stored.replace("\r", "").replace("\n", "")

    client.post(page_of(tenant), sent)

    assert row(tenant).get().name == stored


def test_a_stored_value_that_no_form_would_take_stops_nobody_who_left_it_alone(
    client: Client, tenant: Tenant
) -> None:
    row(tenant).update(country="XX")
    sent = opened(client, page_of(tenant), name="Sunset", **NO_INLINES)

    assert client.post(page_of(tenant), sent).status_code == 302
    assert row(tenant).values_list("name", "country").get() == ("Sunset", "XX")


def test_the_history_says_from_what_to_what(client: Client, tenant: Tenant) -> None:
    typed = {"name": "Sunset", "on_hold": "on", "keep_media_days": "9", **NO_INLINES}

    client.post(page_of(tenant), opened(client, page_of(tenant), **typed))

    assert last_message() == (
        "Changed Name from “Sunrise” to “Sunset”, Keep media for from nothing to “9” "
        "and Keeps everything from no to yes."
    )


def test_the_history_of_a_number_names_tenants_and_never_a_secret(
    client: Client, tenant: Tenant
) -> None:
    number = WhatsAppNumberFactory.create(tenant=tenant, app_secret="s3cret-old")
    other = TenantFactory.create(name="Moonlight")
    typed = {"tenant": str(other.pk), "new_app_secret": "s3cret-new"}

    client.post(page_of(number), opened(client, page_of(number), **typed))

    assert last_message() == (
        "Changed Tenant from “Sunrise” to “Moonlight” and App secret."
    )
    assert "s3cret" not in json.dumps(list(LogEntry.objects.values()), default=str)


@pytest.mark.parametrize(
    "mine", [{"new_app_secret": "s3cret-mine"}, {"forget_app_secret": "on"}]
)
def test_a_secret_that_was_stored_anew_meanwhile_is_not_replaced_unseen(
    client: Client, colleague: Client, tenant: Tenant, mine: dict[str, str]
) -> None:
    number = WhatsAppNumberFactory.create(tenant=tenant, app_secret="s3cret-old")
    sent = opened(client, page_of(number), **mine)
    theirs = opened(colleague, page_of(number), new_app_secret="s3cret-theirs")
    colleague.post(page_of(number), theirs)

    refused = client.post(page_of(number), sent)

    (sentences,) = errors_of(refused).values()
    assert "secret” was changed by ravi (" in sentences[0]
    assert "s3cret" not in refused.content.decode()
    assert WhatsAppNumber.objects.get().app_secret == "s3cret-theirs"
    token = refused.context["adminform"].form.shown_token
    again = client.post(page_of(number), {**sent, "_shown": token})
    assert again.status_code == 302
    assert WhatsAppNumber.objects.get().app_secret == mine.get("new_app_secret", "")


def test_what_a_page_sends_back_holds_no_secret(client: Client, tenant: Tenant) -> None:
    number = WhatsAppNumberFactory.create(tenant=tenant, app_secret="s3cret-old")

    token = opened(client, page_of(number))["_shown"]

    shown = read_shown(model=WhatsAppNumber, pk=number.pk, token=token)
    assert shown is not None
    assert set(shown.values) == {
        "tenant",
        "phone_number_id",
        "display_phone_number",
        "waba_id",
        "app_secret",
        "access_token",
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT app_secret FROM whatsapp_numbers")
        (ciphertext,) = cursor.fetchone()
    assert "s3cret-old" not in str(shown.values)
    assert ciphertext not in str(shown.values)


def test_a_secret_that_was_stored_anew_is_kept_by_a_page_that_changes_something_else(
    client: Client, tenant: Tenant
) -> None:
    number = WhatsAppNumberFactory.create(tenant=tenant, app_secret="s3cret-old")
    sent = opened(client, page_of(number), waba_id="123")
    number.app_secret = "s3cret-new"
    number.save()

    assert client.post(page_of(number), sent).status_code == 302
    saved = WhatsAppNumber.objects.get()
    assert (saved.waba_id, saved.app_secret) == ("123", "s3cret-new")


def test_who_saves_a_number_that_was_deleted_meanwhile_reads_a_sentence(
    client: Client, tenant: Tenant
) -> None:
    number = WhatsAppNumberFactory.create(tenant=tenant)
    page = page_of(number)
    sent = opened(client, page, waba_id="123")
    number.delete()

    answer = client.post(page, sent, follow=True)

    assert messages_of(answer) == [
        "This WhatsApp number is not there any more: it was deleted, erased or moved "
        "while its page was open. What you entered was not saved."
    ]


def test_a_stranger_with_a_page_of_another_row_learns_nothing(
    client: Client, tenant: Tenant
) -> None:
    number = WhatsAppNumberFactory.create(tenant=tenant, waba_id="1")
    sent = opened(client, page_of(number), waba_id="2")
    mine = WhatsAppNumberFactory.create()
    stranger = clerk_of(mine.tenant)
    stranger.user_permissions.set(Permission.objects.all())
    client.force_login(stranger)
    token = opened(client, page_of(mine))["_shown"]

    answers = [
        client.post(page, {**sent, "_shown": token})
        for page in (page_of(number), page_of(number).replace(str(number.pk), "98765"))
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    number.refresh_from_db()
    assert number.waba_id == "1"


def test_a_colleague_s_rights_stay_when_another_page_changes_a_name(
    client: Client, colleague: Client
) -> None:
    User.objects.create_superuser("boss")
    client.force_login(User.objects.get(username="boss"))
    user = StaffFactory.create(first_name="Asha", email="asha@example.in")
    none = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    sent = opened(client, page_of(user), first_name="Usha", email="u@a.in", **none)
    user.groups.add(Group.objects.get(name="Staff"))
    User.objects.filter(pk=user.pk).update(is_active=False)

    assert client.post(page_of(user), sent).status_code == 302
    user.refresh_from_db()
    assert (user.first_name, user.is_active) == ("Usha", False)
    assert [group.name for group in user.groups.all()] == ["Staff"]
    assert last_message() == (
        "Changed First name from “A***” to “U***” and Email address from "
        "“a***@example.in” to “u***@a.in”."
    )
    shown = read_shown(model=User, pk=user.pk, token=sent["_shown"])
    assert shown is not None
    assert "first_name" in shown.values
    assert "password" not in shown.values


def test_the_history_of_a_role_says_what_came_and_what_went(
    client: Client, owner: User
) -> None:
    role = Group.objects.create(name="Callers")
    may_look, may_name = (
        Permission.objects.get(codename=f"{act}_contact") for act in ("view", "change")
    )
    role.permissions.add(may_look)
    sent = opened(client, page_of(role), permissions=[may_name.pk])

    client.post(page_of(role), sent)

    assert last_message() == (
        "Changed Permissions added “Contacts | contact | Can change contact”, removed "
        "“Contacts | contact | Can view contact”."
    )


def test_an_older_change_of_the_history_is_not_blamed_for_a_newer_one(
    client: Client, colleague: Client, tenant: Tenant
) -> None:
    earlier = opened(colleague, page_of(tenant), name="Sunny", **NO_INLINES)
    colleague.post(page_of(tenant), earlier)
    sent = opened(client, page_of(tenant), name="Sunrise Ltd", **NO_INLINES)
    row(tenant).update(name="Sunset")  # by somebody's own SQL

    (sentence,) = errors_of(client.post(page_of(tenant), sent))["name"]

    assert "was changed from “Sunny” to “Sunset” by somebody. You" in sentence


def test_every_form_of_the_admin_is_of_this_kind_and_its_values_survive_the_page(
    client: Client, owner: User, tenant: Tenant
) -> None:
    WhatsAppNumberFactory.create(tenant=tenant)
    Membership.objects.create(user=owner, tenant=tenant)
    request = RequestFactory().get("/")
    request.user = owner
    seen = []

    for model, model_admin in admin.site._registry.items():
        assert isinstance(model_admin, EditConflictAdmin), model
        assert not model_admin.list_editable, model
        row = model._default_manager.first()
        if row is None or not model_admin.has_change_permission(request, row):
            continue
        form = client.get(page_of(row)).context["adminform"].form
        seen.append(model)
        sent = type(form)(
            {"_shown": form.shown_token, **_as_sent(form)}, instance=form.instance
        )
        assert sent.touched == [], model

    assert {Tenant, WhatsAppNumber, User, Group} <= set(seen)


def _as_sent(form: Any) -> dict[str, Any]:
    return {
        field.html_name: field.value()
        for field in form
        if not field.field.disabled and is_sent(field.value())
    }


def test_a_page_whose_members_and_numbers_went_meanwhile_still_saves(
    client: Client, tenant: Tenant
) -> None:
    staying, going = (StaffFactory.create() for _ in range(2))
    for user in (going, staying):
        Membership.objects.create(user=user, tenant=tenant)
    number = WhatsAppNumberFactory.create(tenant=tenant)
    page = client.get(page_of(tenant))
    sent = {
        **opened(client, page_of(tenant), name="Sunset"),
        **_formsets_of(page),
    }
    number.delete()
    Membership.objects.filter(user=going).delete()

    answer = client.post(page_of(tenant), sent)

    assert answer.status_code == 302
    assert row(tenant).get().name == "Sunset"
    assert [one.user for one in tenant.memberships.all()] == [staying]


def test_a_membership_is_given_or_taken_and_never_turned_into_another(
    client: Client, tenant: Tenant
) -> None:
    first, second = (StaffFactory.create() for _ in range(2))
    membership = Membership.objects.create(user=first, tenant=tenant)
    page = client.get(page_of(tenant))
    sent = {**opened(client, page_of(tenant)), **_formsets_of(page)}

    client.post(page_of(tenant), {**sent, "memberships-0-user": str(second.pk)})
    unchanged = membership.user == Membership.objects.get().user
    client.post(page_of(tenant), {**sent, "memberships-0-DELETE": "on"})

    assert unchanged
    assert not Membership.objects.exists()
    assert f"Deleted membership “{first} at Sunrise”." in last_message()


def _formsets_of(page: Any) -> dict[str, Any]:
    """Return what a browser sends of the rows below a form."""
    sent: dict[str, Any] = {}
    for inline in page.context["inline_admin_formsets"]:
        formset = inline.formset
        for form in [formset.management_form, *formset.initial_forms]:
            sent |= {
                form.add_prefix(field.name): field.value()
                for field in form
                if is_sent(field.value())
            }
    return sent


def test_a_program_that_opened_no_page_says_what_it_wants(
    client: Client, owner: User
) -> None:
    tenant = TenantFactory.create(name="Sunrise")
    sent = opened(client, page_of(tenant), name="Moonrise", **NO_INLINES)
    del sent["_shown"]

    response = client.post(page_of(tenant), sent)

    tenant.refresh_from_db()
    assert (response.status_code, tenant.name) == (302, "Moonrise")
