"""What a list of the admin can be narrowed to: what it offers, and nothing else."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth.models import User
from django.contrib.messages.storage.cookie import CookieStorage
from django.db.models import Model
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import reverse

from config.tests.rows import CLOSED_MAKERS, MAKERS
from contacts.models import Contact
from customers.models import Customer
from messaging.models import ChatMessage
from tenants.encryption import EncryptedTextField
from tenants.models import WhatsAppNumber
from tenants.tests.factories import TenantFactory, WhatsAppNumberFactory

pytestmark = pytest.mark.django_db

PAGES = {model._meta.label: page for model, page in admin.site._registry.items()}
NUMBERS = "tenants.WhatsAppNumber"


def list_of(model: type[Model] | str) -> str:
    options = (apps.get_model(model) if isinstance(model, str) else model)._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_changelist")


def asked_by(owner: User, **query: str) -> HttpRequest:
    request = RequestFactory().get("/", query)
    request.user = owner
    request._messages = CookieStorage(request)
    return request


def lookups_of(model: type[Model], depth: int = 1) -> Iterator[str]:
    """Return every column of a model, and of the rows it is related to."""
    for field in model._meta.get_fields():
        yield field.name
        if field.is_relation and field.related_model and depth:
            for further in lookups_of(field.related_model, depth - 1):
                yield f"{field.name}__{further}"


@pytest.mark.parametrize("label", PAGES)
def test_a_list_filters_by_what_it_offers_and_by_no_other_column(
    owner: User, label: str
) -> None:
    page = PAGES[label]
    shown = page.get_changelist_instance(asked_by(owner))
    offered = {*getattr(page, "link_filters", ())}
    # A filter with nothing to choose is not shown, and takes its parameter still.
    offered |= {
        getattr(offer, "parameter_name", "")
        for offer in page.get_list_filter(asked_by(owner))
    }
    for offer in shown.filter_specs:
        offered |= set(offer.expected_parameters())

    followed = set()
    for lookup in lookups_of(page.model):
        for way in ("", "__startswith", "__isnull"):
            try:
                page.get_changelist_instance(asked_by(owner, **{lookup + way: "1"}))
            except IncorrectLookupParameters:
                continue
            followed.add(lookup + way)

    assert followed <= offered


@pytest.mark.parametrize(
    ("label", "query"),
    [
        (NUMBERS, {"app_secret__startswith": "g"}),
        (NUMBERS, {"access_token__gt": "a"}),
        ("customers.Customer", {"national_id_digest": "0" * 64}),
        ("customers.Customer", {"full_name__regex": "(x+)+y"}),
        ("auth.User", {"password__startswith": "pbkdf2"}),
        ("auth.Group", {"user__password__startswith": "pbkdf2"}),
        ("tenants.ApiClient", {"revoked_by__password__startswith": "pbkdf2"}),
        ("uploads.FileUpload", {"status__exact": "\0"}),
        ("uploads.FileUpload", {"\0": "1"}),
        ("uploads.FileUpload", {"_to_field": "sha256"}),
        ("uploads.FileUpload", {"p": "99"}),
        ("auth.User", {"is_active__exact": "perhaps"}),
        ("auth.User", {"groups__id__exact": "9" * 5000}),
        ("messaging.ChatMessage", {"contact__id__exact": "9" * 5000}),
        ("messaging.ChatMessage", {"kind": "\0"}),
        ("messaging.MessageStatus", {"status": "\0"}),
        ("customers.Customer", {"state": "\0"}),
        ("contacts.ContactMerge", {"undone_at__isempty": "perhaps"}),
    ],
    ids=str,
)
@pytest.mark.parametrize("marked", [{}, {"e": "1"}], ids=["", "again"])
def test_an_address_that_a_list_cannot_follow_shows_all_of_it_and_says_so(
    client: Client,
    owner: User,
    label: str,
    query: dict[str, str],
    marked: dict[str, str],
) -> None:
    if label in CLOSED_MAKERS:
        CLOSED_MAKERS[label]()
    for _ in range(26 if "p" in query else 1):
        if label in MAKERS:
            MAKERS[label](TenantFactory.create())

    response = client.get(list_of(label), {**query, **marked}, follow=True)

    assert response.redirect_chain == [(f"{list_of(label)}?e=1", 302)]
    assert "cannot be narrowed down that way" in response.content.decode()
    assert response.context["cl"].result_count >= 1


def test_no_secret_is_found_by_a_search(client: Client, owner: User) -> None:
    searched = {
        (page.model._meta.label, name.strip("=^@"))
        for page in PAGES.values()
        for name in page.search_fields
    }

    secret = {
        (model._meta.label, field.name)
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, EncryptedTextField)
        or field.name in ("password", "national_id_digest", "fingerprint", "body")
    }
    assert not searched & secret


@pytest.mark.parametrize("model", [Contact, ChatMessage, Customer, User])
@pytest.mark.parametrize("text", ["x" * 5_000, "x " * 50_000], ids=["word", "words"])
def test_a_search_beyond_its_length_says_so(
    client: Client, owner: User, model: type[Model], text: str
) -> None:
    response = client.get(list_of(model), {"q": text})

    assert response.status_code == 200
    assert "at most 200 characters" in response.content.decode()


@pytest.mark.parametrize("model", [Contact, ChatMessage, Customer, User])
@pytest.mark.parametrize("text", ["x" * 200, "x " * 100, "9" * 200, "\0" * 200, "'&|!"])
def test_a_search_of_any_text_is_answered(
    client: Client, owner: User, model: type[Model], text: str
) -> None:
    assert client.get(list_of(model), {"q": text}).status_code == 200


@pytest.mark.parametrize("text", ["", "a\0b", "x" * 5000])
def test_choices_are_looked_for_by_any_text(owner: User, text: str) -> None:
    page: Any = PAGES[NUMBERS]
    number = WhatsAppNumberFactory.create()

    found, _ = page.get_search_results(
        asked_by(owner), WhatsAppNumber.objects.all(), text
    )

    assert list(found) == ([number] if not text else [])


@pytest.mark.parametrize("label", ["customers.Customer", "tenants.ApiClient"])
@pytest.mark.parametrize(
    "chosen", ["\0", "garbage", "9" * 5000, "-1", "_5F", "9223372036854775808"]
)
def test_an_action_on_what_is_no_row_does_nothing(
    client: Client, owner: User, label: str, chosen: str
) -> None:
    page = PAGES[label]
    row = MAKERS[label](TenantFactory.create())
    actions = [*page.get_actions(asked_by(owner)), "unknown", "\0"]

    for action in actions:
        for index in ("0", "-1", "7", "9" * 30, "garbage"):
            sent = {"_selected_action": chosen, "action": action, "index": index}
            response = client.post(list_of(label), sent)

            assert response.status_code in (200, 302)
    unchanged = type(row)._default_manager.get(pk=row.pk)
    assert getattr(unchanged, "revoked_at", None) is None
