"""What stands in place of a page: words to act on, and a way back."""

import pytest
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import get_resolver, path

from config.error_pages import bad_request, server_error
from tenants.tests.factories import MembershipFactory

WAYS_TO_FAIL: dict[str, type[Exception]] = {
    "away": OperationalError,
    "cut": InterfaceError,
    "broken": ZeroDivisionError,
    "forbidden": PermissionDenied,
}


def fail(request: HttpRequest, how: str) -> HttpResponse:
    raise WAYS_TO_FAIL[how]("a secret of ours")


urlpatterns = [path("fail/<str:how>/", fail)]
handler400 = bad_request
handler500 = server_error


@pytest.mark.parametrize(
    ("how", "status", "words"),
    [
        ("away", 503, "The database does not answer"),
        ("cut", 503, "The database does not answer"),
        ("broken", 500, "Something went wrong here"),
        ("forbidden", 403, "You may not do this"),
    ],
)
@override_settings(ROOT_URLCONF=__name__)
def test_a_failure_is_told_in_words_without_asking_the_database(
    how: str, status: int, words: str
) -> None:
    # No database is granted to this test: a page that asked it would break.
    client = Client(raise_request_exception=False)

    response = client.get(f"/fail/{how}/")

    page = response.content.decode()
    assert response.status_code == status
    assert words in page
    assert "To the dashboard" in page
    assert "secret" not in page
    assert ("Retry-After" in response.headers) == (status == 503)


def test_the_product_answers_its_failures_with_that_page() -> None:
    assert get_resolver().resolve_error_handler(500) is server_error


def test_an_address_of_nothing_says_so_and_leads_back() -> None:
    response = Client().get("/nowhere/")

    assert response.status_code == 404
    assert "Nothing is here" in response.content.decode()
    assert "nowhere" not in response.content.decode()


@pytest.mark.django_db
def test_a_form_that_was_open_for_too_long_says_what_to_do() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(MembershipFactory.create().user)

    response = client.post("/admin/logout/")

    assert response.status_code == 403
    assert "load the page again" in response.content.decode()


def test_an_unknown_host_is_told_so_in_words_or_json() -> None:
    page = Client().get("/admin/", headers={"host": "evil.example"})
    answer = Client().get("/api/v1/contacts/", headers={"host": "evil.example"})

    assert (page.status_code, answer.status_code) == (400, 400)
    assert page["Content-Type"].startswith("text/html")
    assert list(answer.json()) == ["detail"]
