"""Two people look at one file before it starts, each on a page of their own."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tenants.models import Tenant
from tenants.tests.factories import clerk_of
from uploads.models import FileUpload
from uploads.services import create_upload
from uploads.tests import reviews
from uploads.tests.factories import work_off

pytestmark = pytest.mark.django_db

FILE = "Name,Mobile,Docket,Paid\nAsha,9876543210,7,5\n"


@pytest.fixture
def upload(tenant: Tenant) -> FileUpload:
    upload = create_upload(
        tenant=tenant,
        file=ContentFile(FILE.encode()),
        name="overdue.csv",
        uploaded_by=None,
        now=timezone.now(),
        queue=False,
        review=FileUpload.Review.WHEN_NEW,
    )
    return work_off(upload)


@pytest.fixture
def colleague(clerk: User, upload: FileUpload) -> Client:
    client = Client()
    client.force_login(clerk_of(upload.tenant))
    return client


def opened(client: Client, upload: FileUpload) -> dict[str, Any]:
    """Open the review; return what its page sends back as it stands."""
    context = client.get(reviews.page_of(upload)).context
    form = context["review_form"]
    shown = {name: form[name].value() for name in form.fields}
    return {**shown, "_shown": context["shown_token"]}


def send(client: Client, upload: FileUpload, what: str, sent: dict[str, Any]) -> Any:
    page = reverse(f"admin:uploads_fileupload_{what}", args=[upload.pk])
    return client.post(page, sent, follow=True)


def said(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def test_choices_for_two_columns_are_both_kept(
    client: Client, colleague: Client, upload: FileUpload
) -> None:
    mine, theirs = opened(client, upload), opened(colleague, upload)
    send(colleague, upload, "check", {**theirs, "column_2": "loan_number"})

    send(client, upload, "check", {**mine, "column_3": "emi_amount"})

    assert opened(client, upload)["column_2"] == "loan_number"
    assert opened(client, upload)["column_3"] == "emi_amount"


def test_a_column_that_both_chose_differently_stays_and_both_choices_are_told(
    client: Client, colleague: Client, upload: FileUpload
) -> None:
    mine, theirs = opened(client, upload), opened(colleague, upload)
    send(colleague, upload, "check", {**theirs, "column_2": "loan_number"})

    answer = send(client, upload, "check", {**mine, "column_2": "emi_amount"})

    assert said(answer) == [
        "While this page was open, somebody chose, for “Docket is”: “loan number”. You "
        "chose “EMI”, which was not taken over."
    ]
    assert opened(client, upload)["column_2"] == "loan_number"


def test_a_page_from_before_somebody_s_choice_does_not_start_the_file(
    client: Client, colleague: Client, upload: FileUpload
) -> None:
    mine, theirs = opened(client, upload), opened(colleague, upload)
    send(colleague, upload, "check", {**theirs, "column_2": "loan_number"})

    answer = send(client, upload, "start", mine)
    waits = FileUpload.objects.get().status
    send(client, upload, "start", opened(client, upload))

    assert said(answer) == [
        "Somebody chose something else while this page was open: look at it first."
    ]
    assert waits == "review"
    assert opened_choices(upload) == "loan_number"
    upload.refresh_from_db()
    assert upload.status != "review"


def opened_choices(upload: FileUpload) -> str:
    upload.refresh_from_db()
    return str(upload.choices["meanings"]["2"])
