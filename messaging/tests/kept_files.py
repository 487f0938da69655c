"""Kept files as staff ask for them."""

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from messaging.models import MessageMedia
from tenants.tests.factories import clerk_of


def log_in_staff_of(media: MessageMedia, client: Client) -> User:
    user = clerk_of(media.tenant)
    client.force_login(user)
    return user


def address_of(media: MessageMedia) -> str:
    return reverse("message-media", args=[media.pk])


def get(client: Client, media: MessageMedia) -> HttpResponse:
    response = client.get(address_of(media))
    if response.status_code == 200:
        response.whole = b"".join(response.streaming_content)
    return response
