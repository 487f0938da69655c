import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from config.security import CONTENT_SECURITY_POLICY
from config.sidebar import SIDEBAR
from config.staff_role import PERMISSIONS
from tenants.tests.factories import MembershipFactory

pytestmark = pytest.mark.django_db


def links_of(client: Client) -> set[str]:
    groups = client.get(reverse("admin:index")).context["sidebar_navigation"]
    return {str(item["title"]) for group in groups for item in group["items"]}


@pytest.mark.parametrize(
    "path", ["/admin/login/", "/admin/", "/nowhere/", "/webhooks/whatsapp/"]
)
def test_every_answer_carries_the_security_policy(client: Client, path: str) -> None:
    response = client.get(path)

    assert response.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_the_policy_lets_nothing_in_from_elsewhere_and_no_script_from_markup() -> None:
    policy = {
        name: set(sources)
        for name, *sources in map(str.split, CONTENT_SECURITY_POLICY.split(";"))
    }

    assert set().union(*policy.values()) == {
        "'self'", "'none'", "data:", "'unsafe-eval'", "'unsafe-inline'"
    }  # fmt: skip
    assert policy["default-src"] == {"'self'"}
    assert policy["script-src"] == {"'self'", "'unsafe-eval'"}
    assert policy["object-src"] == policy["frame-ancestors"] == {"'none'"}
    assert policy["base-uri"] == policy["form-action"] == {"'self'"}


def test_who_logs_in_at_the_login_page_itself_comes_to_the_dashboard(
    client: Client,
) -> None:
    User.objects.create_superuser("owner", password="secret")

    response = client.post(
        reverse("admin:login"), {"username": "owner", "password": "secret"}
    )

    assert response.headers["Location"] == reverse("admin:index")


def test_a_page_is_sent_gzipped(client: Client) -> None:
    response = client.get("/admin/login/", headers={"accept-encoding": "gzip"})

    assert response.headers["Content-Encoding"] == "gzip"


def test_the_sidebar_shows_what_a_visitor_may_open_and_no_more(client: Client) -> None:
    clerk = MembershipFactory.create().user
    client.force_login(clerk)
    without_role = links_of(client)
    clerk.groups.add(Group.objects.get(name="Staff"))
    with_role = links_of(client)
    client.force_login(User.objects.create_superuser("owner"))
    owners = links_of(client)

    assert without_role == {"Dashboard"}
    assert {"Contacts", "Contact merges"} <= with_role
    assert not with_role & {"Tenants", "Numbers", "Staff", "Roles", "Webhook events"}
    assert with_role | {"Tenants", "Numbers", "Staff", "Roles"} <= owners


def test_the_role_staff_holds_every_permission_it_names() -> None:
    held = Permission.objects.filter(group__name="Staff")

    assert {(one.content_type.app_label, one.codename) for one in held} == {
        (app, codename) for app, names in PERMISSIONS.items() for codename in names
    }


def test_what_was_made_of_the_role_stays_through_the_next_migration() -> None:
    role = Group.objects.get(name="Staff")
    role.permissions.clear()

    call_command("migrate", verbosity=0)

    assert not role.permissions.exists()


def test_the_sidebar_names_models_that_exist() -> None:
    from django.apps import apps

    for _, entries in SIDEBAR:
        for label, _ in entries:
            apps.get_model(label)
