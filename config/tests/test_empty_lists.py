"""What a list says when there is nothing in it."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from contacts.models import Contact
from customers.models import Customer
from messaging.models import ChatMessage
from uploads.models import FileUpload

pytestmark = pytest.mark.django_db

NOBODY = "qxzqxz no such thing"


@pytest.mark.parametrize("model", [Contact, Customer, ChatMessage, FileUpload])
def test_an_empty_result_says_what_can_be_searched(
    client: Client, owner: User, model: type
) -> None:
    client.force_login(owner)
    page = admin.site._registry[model]
    options = page.opts
    address = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")

    shown = client.get(address, {"q": f"<b>{NOBODY}"}).content.decode()

    assert f"Nothing found for “&lt;b&gt;{NOBODY}”" in shown
    assert f"Searched for: {page.search_help_text}." in " ".join(shown.split()).replace(
        "&#x27;", "'"
    )
    assert "Create a new item" not in shown


@pytest.mark.parametrize(("model", "adds"), [(Customer, False), (Contact, True)])
def test_only_what_can_be_added_is_offered_in_an_empty_list(
    client: Client, owner: User, model: type, adds: bool
) -> None:
    client.force_login(owner)
    options = admin.site._registry[model].opts
    address = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")

    empty = client.get(address).content.decode()
    found = client.get(address, {"q": NOBODY}).content.decode()

    assert "Nothing here yet" in empty
    assert "will be listed here." in empty
    assert "Searched for" not in empty
    assert "Show all" in found
    assert (f"Add {options.verbose_name}" in found) == adds
