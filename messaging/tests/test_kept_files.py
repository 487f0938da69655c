"""A kept file itself: to whom it is sent, as what, and in which pieces."""

from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from messaging.models import MessageMedia
from messaging.tests.factories import MessageMediaFactory, StoredMediaFactory
from messaging.tests.kept_files import address_of, get, log_in_staff_of
from tenants.tests.factories import MembershipFactory, StaffFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("kept")]


def test_a_picture_is_sent_to_be_shown_and_nothing_else(client, photo):
    response = get(client, photo)

    assert response.whole == b"\xff\xd8\xff a photo"
    assert response["Content-Type"] == "image/jpeg"
    assert response["Content-Disposition"].startswith("inline")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "sandbox" in response["Content-Security-Policy"]
    assert response["Cache-Control"] == "private, no-store"
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
