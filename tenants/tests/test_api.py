"""Who comes in by the API's door, and for whom."""

import base64
import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contacts.tests.factories import ContactFactory
from tenants.models import ApiClient
from tenants.tests.factories import (
    ApiClientFactory,
    MembershipFactory,
    TenantFactory,
)
from tenants.tests.programs import make_token, program_of, with_token
from tenants.tokens import _key, issue_token

pytestmark = pytest.mark.django_db

CONTACTS = "/api/v1/contacts/"


def encoded(part: dict[str, Any]) -> str:
    text = json.dumps(part, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def resigned(**changed: Any) -> Callable[[str], str]:
    """Sign other claims with the right key; None takes one out."""

    def change(token: str) -> str:
        claims = claims_of(token) | changed
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, _key(), algorithm="HS256")

    return change


def unsigned(token: str) -> str:
    header = encoded({"alg": "none", "typ": "JWT"})
    return f"{header}.{token.split('.')[1]}."


def with_tenant_changed(token: str) -> str:
    header, _, signature = token.split(".")
    claims = encoded(claims_of(token) | {"tenant": 1})
    return f"{header}.{claims}.{signature}"


FORGED: dict[str, Callable[[str], str]] = {
    "no JWT": lambda _: "secret",
    "nothing": lambda _: "",
    "alg none": unsigned,
    "tenant changed": with_tenant_changed,
    "another key": lambda token: jwt.encode(claims_of(token), "k" * 32),
    "another algorithm": lambda token: jwt.encode(
        claims_of(token), _key() * 2, algorithm="HS512"
    ),
    "SECRET_KEY itself": lambda token: jwt.encode(claims_of(token), "s" * 50),
    "another tenant, signed": resigned(tenant=1),
    "another client, signed": resigned(client=987_654_321),
    "a client of no id": resigned(client=10**30),
    "without an end": resigned(exp=None),
    "without a beginning": resigned(iat=None),
    "issued tomorrow": resigned(iat=timezone.now() + timedelta(days=1)),
    "another issuer": resigned(iss="somebody"),
    "another audience": resigned(aud="dues-desk"),
    "without a tenant": resigned(tenant=None),
    "tenant in words": resigned(tenant="one"),
    "tenant a list": resigned(tenant=[1]),
    "client an object": resigned(client={"id": 1}),
    "brackets in brackets": lambda _: (
        base64.urlsafe_b64encode(b"[" * 5000).decode() + ".e30.e30"
    ),
    "no ASCII": lambda _: "टोकन".encode().decode("latin-1"),
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_token_that_is_not_ours_is_refused_in_one_sentence(kind: str) -> None:
    contact = ContactFactory.create()
    _, token = make_token(contact.tenant)

    answer = with_token(FORGED[kind](token)).get(CONTACTS)

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer.json() == {
        "detail": "The token is not valid here: have a new one issued."
    }


def test_an_expired_token_says_so() -> None:
    long_ago = timezone.now() - timedelta(days=31)
    _, token = make_token(TenantFactory.create(), days=30, now=long_ago)

    answer = with_token(token).get(CONTACTS)

    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.json() == {"detail": "The token has expired: have a new one issued."}


def test_a_revoked_client_is_answered_like_one_that_never_was() -> None:
    owner = User.objects.create_superuser("owner")
    client, token = make_token(TenantFactory.create())
    _, of_nobody = make_token(TenantFactory.create())
    ApiClient.objects.exclude(pk=client.pk).delete()
    assert with_token(token).get(CONTACTS).status_code == 200

    ApiClient.objects.revoke(by=owner, now=timezone.now())

    revoked, unknown = (with_token(one).get(CONTACTS) for one in (token, of_nobody))
    assert revoked.status_code == unknown.status_code == 401
    assert revoked.content == unknown.content


@pytest.mark.parametrize("header", [None, "Basic YTpi", "Token x", "bearerx"])
def test_without_a_token_the_door_says_how_to_send_one(header: str | None) -> None:
    headers = {"Authorization": header} if header else {}

    answer = Client(headers=headers).get(CONTACTS)

    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.json() == {"detail": "Send a token: Authorization: Bearer …"}


def test_a_login_of_the_admin_opens_nothing(client: Client) -> None:
    client.force_login(User.objects.create_superuser("owner"))

    assert client.get(CONTACTS).status_code == 401


def test_the_scheme_may_be_written_small() -> None:
    _, token = make_token(TenantFactory.create())

    answer = Client(headers={"Authorization": f"bearer {token}"}).get(CONTACTS)

    assert answer.status_code == 200


def test_a_program_that_runs_in_circles_is_told_to_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tenants.api.ClientThrottle.rate", "2/min")
    hasty, calm = (program_of(TenantFactory.create()) for _ in range(2))

    codes = [hasty.get(CONTACTS).status_code for _ in range(3)]

    assert codes == [200, 200, 429]
    assert hasty.get(CONTACTS)["Retry-After"]
    assert calm.get(CONTACTS).status_code == 200


def issue(*arguments: str) -> str:
    out = io.StringIO()
    call_command("issue_api_token", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_the_command_prints_a_token_that_works_and_is_kept_nowhere() -> None:
    tenant = TenantFactory.create()
    contact = ContactFactory.create(tenant=tenant)

    token = issue("Dialler", f"--tenant={tenant.slug}", "--days=7").strip()

    answer = with_token(token).get(CONTACTS)
    assert [one["id"] for one in answer.json()["results"]] == [contact.pk]
    row = ApiClient.objects.get()
    assert (row.name, row.tenant) == ("Dialler", tenant)
    assert row.expires_at - row.created_at == timedelta(days=7)
    assert token not in json.dumps(ApiClient.objects.values().get(), default=str)


def test_the_command_answers_programs() -> None:
    answer = json.loads(issue("Dialler", "--tenant=1", "--json"))

    assert answer["tenant"] == 1
    assert with_token(answer["token"]).get(CONTACTS).status_code == 200


@pytest.mark.parametrize("read_only", [True, False])
def test_the_command_issues_tokens_that_may_write_or_not(read_only: bool) -> None:
    more = ["--read-only"] if read_only else []

    answer = json.loads(issue("Dialler", "--tenant=1", "--json", *more))

    assert answer["read_only"] == read_only
    assert ApiClient.objects.get().read_only == read_only
    sent = with_token(answer["token"]).post("/api/v1/uploads/")
    assert sent.status_code == (403 if read_only else 400)


def test_a_client_from_before_may_what_it_could() -> None:
    """A row that names no `read_only`, as an older release writes them."""
    tenant = TenantFactory.create()
    client, token = make_token(tenant)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM api_clients")
        cursor.execute(
            "INSERT INTO api_clients (id, tenant_id, name, expires_at)"
            " VALUES (%s, %s, 'old', now() + interval '1 day')",
            [client.pk, tenant.pk],
        )

    assert with_token(token).post("/api/v1/uploads/").status_code == 400


def test_the_admin_shows_and_sieves_who_may_only_read(admin_client: Client) -> None:
    ApiClientFactory.create(name="reader", read_only=True)
    ApiClientFactory.create(name="writer")
    address = reverse("admin:tenants_apiclient_changelist")

    page = admin_client.get(address).content.decode()
    readers = admin_client.get(address, {"read_only__exact": "1"}).content.decode()

    assert "Only reads" in page
    assert ("reader" in readers, "writer" in readers) == (True, False)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["X", "--tenant=nobody"], "There is no tenant 'nobody'"),
        (["X", "--tenant=1", "--days=0"], "--days: from 1 to 3650"),
        (["X", "--tenant=1", "--days=99999"], "--days: from 1 to 3650"),
        ([" ", "--tenant=1"], "NAME: one to 100 characters"),
        (["x" * 101, "--tenant=1"], "NAME: one to 100 characters"),
    ],
)
def test_the_command_refuses_in_a_sentence(arguments: list[str], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        issue(*arguments)

    assert not ApiClient.objects.exists()


def revoke(client: Client, *rows: ApiClient) -> Any:
    return client.post(
        reverse("admin:tenants_apiclient_changelist"),
        {"action": "revoke", "_selected_action": [row.pk for row in rows]},
    )


def test_staff_with_the_permission_revoke_their_own_tenants_tokens_only(
    client: Client,
) -> None:
    ours, theirs = ApiClientFactory.create_batch(2)
    manager = MembershipFactory.create(tenant=ours.tenant).user
    manager.user_permissions.set(Permission.objects.all())
    client.force_login(manager)

    revoke(client, ours, theirs)

    ours.refresh_from_db()
    theirs.refresh_from_db()
    assert ours.revoked_at is not None
    assert (ours.revoked_by, theirs.revoked_at) == (manager, None)


def test_a_look_is_no_permission_to_revoke(client: Client) -> None:
    row = ApiClientFactory.create()
    clerk = MembershipFactory.create(tenant=row.tenant).user
    clerk.user_permissions.add(Permission.objects.get(codename="view_apiclient"))
    client.force_login(clerk)

    revoke(client, row)

    row.refresh_from_db()
    assert row.revoked_at is None


def test_the_role_of_staff_does_not_show_who_has_tokens(
    client: Client, clerk: User
) -> None:
    page = client.get(reverse("admin:tenants_apiclient_changelist"))

    assert page.status_code == 403


def test_who_revoked_first_stays_on_record() -> None:
    first, second = (User.objects.create_superuser(name) for name in ("a", "b"))
    row, _ = issue_token(
        tenant=TenantFactory.create(), name="x", days=1, now=timezone.now()
    )

    counts = [
        ApiClient.objects.revoke(by=one, now=timezone.now()) for one in (first, second)
    ]

    row.refresh_from_db()
    assert (counts, row.revoked_by) == ([1, 0], first)


@pytest.mark.parametrize(
    "token",
    ["x" * 8000, "a.b.c", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA", "eyJhbGciOiJub25lIn0.e30."],
    ids=["long", "short", "signed by somebody", "unsigned"],
)
def test_a_token_that_is_none_of_ours_asks_the_database_nothing(
    token: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        response = with_token(token).get(CONTACTS)

    assert response.status_code == 401
