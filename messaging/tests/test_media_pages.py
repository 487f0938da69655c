"""Files of messages as staff see them, and as nobody else does."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from messaging.models import MessageMedia
from messaging.tests.factories import MessageMediaFactory, StoredMediaFactory
from tenants.tests.factories import MembershipFactory, StaffFactory, clerk_of

pytestmark = pytest.mark.django_db

NAMES = {"file_name": "../../Nota Fiscal nº 12 📄.pdf"}
MARKUP = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def kept(settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = str(tmp_path)
    return tmp_path


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


@pytest.fixture
def photo(client: Client) -> MessageMedia:
    media = StoredMediaFactory.create()
    log_in_staff_of(media, client)
    return media


# The file itself


def test_a_picture_is_sent_to_be_shown_and_nothing_else(client, photo):
    response = get(client, photo)

    assert response.whole == b"\xff\xd8\xff a photo"
    assert response["Content-Type"] == "image/jpeg"
    assert response["Content-Disposition"].startswith("inline")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "sandbox" in response["Content-Security-Policy"]
    assert response["Cache-Control"].startswith("private")
    assert "Cookie" in response["Vary"]
    assert response["Content-Length"] == str(photo.size_bytes)


def test_what_no_browser_may_open_is_a_download_whatever_its_sender_says(client):
    media = StoredMediaFactory.create(
        content=b"<html>", content_type="", mime_type="text/html", file_name="x.html"
    )
    log_in_staff_of(media, client)

    response = get(client, media)

    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"] == 'attachment; filename="x.html"'
    assert response["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("sent", "offered"),
    [
        ("dues.pdf", "dues.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\dues.pdf", "dues.pdf"),
        ("a\r\nSet-Cookie: x=1", "aSet-Cookie: x=1"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("résumé 📄.pdf", "résumé 📄.pdf"),
        ('"quoted".pdf', '"quoted".pdf'),
    ],
)
def test_a_senders_name_names_the_download_and_no_folder(client, sent, offered):
    media = StoredMediaFactory.create(content_type="", file_name=sent)
    log_in_staff_of(media, client)

    response = get(client, media)

    assert media.download_name == offered
    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers
    assert "\n" not in response["Content-Disposition"]


@pytest.mark.parametrize("name", ["", "..", "/", "\u202e", " . "])
def test_a_file_without_a_name_gets_one(name):
    media = MessageMedia(pk=7, file_name=name, content_type="image/jpeg")

    assert media.download_name == "whatsapp-7.jpg"


@pytest.mark.parametrize(
    ("asked", "status", "sent", "place"),
    [
        ("bytes=0-", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=0-1", 206, b"01", "bytes 0-1/10"),
        ("bytes=4-6", 206, b"456", "bytes 4-6/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
        ("bytes=6-4", 200, b"0123456789", None),
        ("bytes=-", 200, b"0123456789", None),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
        ("pages=1-2", 200, b"0123456789", None),
        ("bytes=०-१", 200, b"0123456789", None),
        (f"bytes={'9' * 400}-", 200, b"0123456789", None),
    ],
)
def test_a_film_is_sent_in_the_pieces_that_a_player_asks_for(
    client, asked, status, sent, place
):
    media = StoredMediaFactory.create(content=b"0123456789", content_type="video/mp4")
    log_in_staff_of(media, client)

    response = client.get(address_of(media), headers={"Range": asked})

    body = response.getvalue() if response.streaming else response.content
    assert (response.status_code, body) == (status, sent)
    assert response.get("Content-Range") == place
    assert response["Content-Length"] == str(len(sent))
    if status != 416:
        assert response["Accept-Ranges"] == "bytes"
        assert response["Content-Type"] == "video/mp4"
        assert "sandbox" in response["Content-Security-Policy"]


@pytest.mark.parametrize(("same", "status"), [(True, 206), (False, 200)])
def test_a_piece_of_another_file_is_not_sent_as_one_of_this(client, same, status):
    media = StoredMediaFactory.create(content_type="video/mp4")
    log_in_staff_of(media, client)
    known = f'"{media.sha256}"' if same else '"another"'

    response = client.get(
        address_of(media), headers={"Range": "bytes=0-1", "If-Range": known}
    )

    assert response.status_code == status
    assert response.getvalue() == media.file.read()[: 2 if same else None]
    media.file.close()


def test_a_browser_that_takes_gzip_gets_the_file_as_it_is(client, photo):
    response = client.get(address_of(photo), headers={"Accept-Encoding": "gzip"})

    assert b"".join(response.streaming_content) == b"\xff\xd8\xff a photo"
    assert response["Content-Length"] == str(photo.size_bytes)


def test_a_file_cannot_be_posted_to(client, photo):
    assert client.post(address_of(photo)).status_code == 405


# Strangers


@pytest.mark.parametrize("nothing", [987_654_321, 10**30])
def test_a_strangers_file_is_answered_like_none(client, photo, nothing):
    stranger = MembershipFactory.create().user
    stranger.user_permissions.set(Permission.objects.all())
    client.force_login(stranger)

    theirs = client.get(address_of(photo))
    none = client.get(reverse("message-media", args=[nothing]))

    assert (theirs.status_code, none.status_code) == (404, 404)
    assert theirs.content == none.content


def test_staff_who_may_not_read_messages_see_no_file(client, photo):
    client.force_login(MembershipFactory.create(tenant=photo.tenant).user)

    assert client.get(address_of(photo)).status_code == 404


def test_staff_of_no_tenant_see_no_file(client, photo):
    nobody = StaffFactory.create()
    nobody.user_permissions.set(Permission.objects.all())
    client.force_login(nobody)

    assert client.get(address_of(photo)).status_code == 404


def test_who_has_not_logged_in_is_asked_to_whether_or_not_there_is_a_file(photo):
    answers = [
        Client().get(reverse("message-media", args=[pk])) for pk in (photo.pk, 987_654)
    ]

    for answer in answers:
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("admin:login"))


@pytest.mark.parametrize("status", ["pending", "waiting", "failed", "expired"])
def test_a_file_that_is_not_there_yet_is_none(client, status):
    media = MessageMediaFactory.create(status=status, error="Because.", file="media/x")
    log_in_staff_of(media, client)

    assert client.get(address_of(media)).status_code == 404


def test_a_file_that_went_missing_is_none(client, photo):
    Path(photo.file.path).unlink()

    assert client.get(address_of(photo)).status_code == 404


# The pages


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
