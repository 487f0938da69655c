"""What somebody does at the review of an upload, through its page."""

from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from uploads.models import FileUpload


def page_of(upload: FileUpload) -> str:
    return reverse("admin:uploads_fileupload_change", args=[upload.pk])


def choices_shown(client: Client, upload: FileUpload) -> dict[str, Any]:
    """Return what the page's form would send as it stands."""
    form = client.get(page_of(upload)).context["review_form"]
    return {name: form[name].value() for name in form.fields}


def check(client: Client, upload: FileUpload, **changed: str) -> HttpResponse:
    return _post(client, upload, "check", changed)


def start(client: Client, upload: FileUpload, **changed: str) -> HttpResponse:
    return _post(client, upload, "start", changed)


def _post(
    client: Client, upload: FileUpload, what: str, changed: dict[str, str]
) -> HttpResponse:
    return client.post(
        reverse(f"admin:uploads_fileupload_{what}", args=[upload.pk]),
        {**choices_shown(client, upload), **changed},
    )
