"""Files on the pages of contacts, messages and media."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from messaging.models import MessageMedia
from messaging.tests.factories import MessageMediaFactory, StoredMediaFactory
from messaging.tests.kept_files import address_of, log_in_staff_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("kept")]

MARKUP = "<script>alert(1)</script>"


def pages_of(media: MessageMedia, client: Client) -> list[str]:
    """The three pages that show it: of the contact, of the message, of the file."""
    message = media.message
    addresses = [
        reverse("admin:contacts_contact_change", args=[message.contact_id]),
        reverse("admin:messaging_chatmessage_change", args=[message.pk]),
        reverse("admin:messaging_messagemedia_change", args=[media.pk]),
    ]
    return [client.get(address).content.decode() for address in addresses]


@pytest.mark.parametrize(
    ("content_type", "markup"),
    [
        ("image/webp", '<img src="{}"'),
        ("audio/ogg", '<audio class="chat-media" src="{}" controls'),
        ("video/mp4", '<video class="chat-media" src="{}" controls'),
        ("", '<a class="chat-file" href="{}" download'),
    ],
)
def test_a_file_is_shown_as_what_it_is(client, content_type, markup):
    media = StoredMediaFactory.create(content_type=content_type)
    log_in_staff_of(media, client)

    for page in pages_of(media, client):
        assert markup.format(address_of(media)) in page


def test_a_document_shows_its_name_and_size_once(client):
    media = StoredMediaFactory.create(
        content_type="",
        content=b"%PDF" * 1024,
        file_name=f"{MARKUP} dues.pdf",
        message__text=f"{MARKUP} dues.pdf",
        message__kind="document",
    )
    log_in_staff_of(media, client)

    contact, message, own = pages_of(media, client)

    conversation = contact[contact.index('id="conversation"') :]
    assert conversation.count("script&gt; dues.pdf</a>") == 1
    assert "<p" not in conversation[: conversation.index("</ol>")]
    for page in (contact, message, own):
        assert "4.0\xa0KB" in page
        assert MARKUP not in page


def test_a_caption_stands_below_its_picture(client):
    media = StoredMediaFactory.create(message__text="Broken seal")
    log_in_staff_of(media, client)

    page = pages_of(media, client)[0]

    assert page.index("<img src") < page.index(">Broken seal</p>")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, ["Being fetched from WhatsApp."]),
        (
            {"error": "Meta refuses it.", "attempts": 2},
            ["Not here yet. Meta refuses it. Tried again at"],
        ),
        ({"status": "waiting", "error": "No token."}, ["Not here yet. No token."]),
        ({"status": "failed", "error": "Too large."}, ["Not kept. Too large."]),
        ({"status": "expired", "error": "Over."}, ["Not fetched in time. Over."]),
        (
            {"status": "failed", "error": MARKUP, "file_name": MARKUP},
            ["&lt;script&gt;"],
        ),
    ],
)
def test_a_file_that_is_not_there_says_why(client, fields: dict[str, Any], words):
    media = MessageMediaFactory.create(**fields)
    log_in_staff_of(media, client)

    for page in pages_of(media, client):
        text = " ".join(page.split())
        assert all(sentence in text for sentence in words)
        assert MARKUP not in page
        assert address_of(media) not in page


def test_the_file_of_a_message_deleted_by_its_sender_is_not_shown(client):
    media = StoredMediaFactory.create(
        message__revoked_at=datetime(2026, 11, 21, 12, tzinfo=UTC)
    )
    log_in_staff_of(media, client)

    assert address_of(media) not in pages_of(media, client)[0]


def test_a_conversation_full_of_pictures_takes_as_many_queries_as_one(
    client, photo, django_assert_max_num_queries
):
    page = reverse("admin:contacts_contact_change", args=[photo.message.contact_id])
    with django_assert_max_num_queries(40) as of_one:
        client.get(page)
    for _ in range(20):
        StoredMediaFactory.create(message__contact=photo.message.contact)

    with django_assert_max_num_queries(len(of_one)):
        response = client.get(page)

    assert response.content.count(b"<img src") == 21


def test_staff_have_files_fetched_again_by_one_click(client):
    given_up = MessageMediaFactory.create(status="failed", error="Too large.")
    log_in_staff_of(given_up, client)
    theirs = MessageMediaFactory.create(status="failed", error="Too large.")
    chosen = [given_up.pk, theirs.pk]

    response = client.post(
        reverse("admin:messaging_messagemedia_changelist"),
        {"action": "fetch_again", "_selected_action": chosen},
    )

    assert response.status_code == 302
    given_up.refresh_from_db()
    theirs.refresh_from_db()
    assert (given_up.status, theirs.status) == ("pending", "failed")
    assert given_up.fetch_after <= timezone.now()
