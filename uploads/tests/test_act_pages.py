"""The buttons of an upload's page."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from customers.models import Customer
from tenants.tests.factories import MembershipFactory
from uploads.models import FileUpload
from uploads.reading import read_upload
from uploads.services import pause_upload
from uploads.tests.factories import TWO_ROWS, load, make_upload, work_off

pytestmark = pytest.mark.django_db

ACTS = ["pause", "resume", "cancel", "retry", "undo"]


def page_of(upload: FileUpload) -> str:
    return reverse("admin:uploads_fileupload_change", args=[upload.pk])


def act(upload: FileUpload, what: str) -> str:
    return reverse(f"admin:uploads_fileupload_{what}", args=[upload.pk])


@pytest.fixture
def clerk(client: Client) -> User:
    """A member of staff of one tenant, logged in."""
    user = MembershipFactory.create().user
    user.groups.add(Group.objects.get(name="Staff"))
    client.force_login(user)
    return user


@pytest.fixture
def tenant(clerk: User):
    return clerk.memberships.get().tenant


def offered(client: Client, upload: FileUpload) -> list[str]:
    page = client.get(page_of(upload)).content.decode()
    return [what for what in ACTS if act(upload, what) in page]


def test_a_page_offers_what_can_be_done_now(client: Client, tenant) -> None:
    upload = make_upload(tenant=tenant)
    assert offered(client, upload) == ["pause", "cancel"]

    client.post(act(upload, "pause"))
    assert offered(client, upload) == ["resume", "cancel"]

    client.post(act(upload, "resume"))
    assert offered(client, work_off(upload)) == ["undo"]

    client.post(act(upload, "undo"))
    assert offered(client, upload) == []
    assert offered(client, load("x", tenant=tenant)) == ["retry"]


def test_pause_and_resume_take_a_click_each(client: Client, tenant) -> None:
    upload = make_upload(tenant=tenant)
    read_upload(upload_id=upload.pk, now=now())

    client.post(act(upload, "pause"))
    assert (
        "Paused: nothing more is loaded" in client.get(page_of(upload)).content.decode()
    )
    assert work_off(upload).status == "paused"

    client.post(act(upload, "resume"))
    assert work_off(upload).status == "completed"


def test_an_undo_says_how_many_entries_go_before_it_is_done(
    client: Client, clerk: User, tenant
) -> None:
    upload = load(tenant=tenant)

    question = client.get(act(upload, "undo")).content.decode()

    assert "2 customer entries of “overdue.csv” will be deleted" in question
    assert Customer.objects.count() == 2

    client.post(act(upload, "undo"))
    page = client.get(page_of(upload)).content.decode()
    assert not Customer.objects.exists()
    assert "Undone: 2 entries were taken out" in page
    assert f'data-label="By">{clerk}</td>' in page

    again = client.post(act(upload, "undo"), follow=True).content.decode()
    assert "This upload is undone already" in again


@pytest.mark.parametrize("what", ACTS)
def test_what_came_too_late_is_answered_with_a_sentence(
    client: Client, tenant, what: str
) -> None:
    upload = load(tenant=tenant)
    client.post(act(upload, "undo"))

    answer = client.post(act(upload, what), follow=True)

    assert answer.status_code == 200
    assert answer.context["messages"]
    upload.refresh_from_db()
    assert upload.status == "undone"


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("pending", "Cancel it first"),
        ("review", "Cancel it first"),
        ("processing", "Cancel it first"),
        ("paused", "Cancel it first"),
        ("failed", "there is nothing to undo"),
    ],
)
def test_the_page_does_not_undo_what_offers_no_undo(
    client: Client, tenant, status: str, sentence: str, method: str
) -> None:
    upload = make_upload(tenant=tenant)
    read_upload(upload_id=upload.pk, now=now())
    FileUpload.objects.update(status=status, error="[x] y")

    answer = getattr(client, method)(act(upload, "undo"), follow=True)

    assert answer.redirect_chain == [(page_of(upload), 302)]
    assert sentence in answer.content.decode()
    upload.refresh_from_db()
    assert upload.status == status
    assert [one.act for one in upload.acts.all()] == ["sent"]


@pytest.mark.parametrize("what", ACTS)
def test_acts_are_posted_by_whoever_may(
    client: Client, clerk: User, tenant, what: str
) -> None:
    upload = (load if what == "undo" else make_upload)(tenant=tenant)
    if what == "resume":
        pause_upload(upload_id=upload.pk, by=None, now=now())
    before = FileUpload.objects.values().get()
    got = client.get(act(upload, what))
    clerk.groups.get().permissions.remove(
        *clerk.groups.get().permissions.filter(codename="change_fileupload")
    )

    posted = client.post(act(upload, what))

    assert got.status_code == (200 if what == "undo" else 405)
    assert posted.status_code == 403
    assert offered(client, upload) == []
    assert FileUpload.objects.values().get() == before


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("what", ACTS)
def test_a_stranger_can_do_nothing(
    client: Client, clerk: User, what: str, method: str
) -> None:
    theirs = load()
    nothing = client.get(reverse("admin:uploads_fileupload_change", args=[999_999]))
    before = FileUpload.objects.values().get()

    answer = getattr(client, method)(act(theirs, what))

    if method == "get" and what != "undo":
        assert answer.status_code == 405
    else:
        assert (answer.status_code, answer.content) == (404, nothing.content)
    assert FileUpload.objects.values().get() == before
    assert Customer.objects.count() == 2


def test_the_page_tells_who_did_what(client: Client, clerk: User, tenant) -> None:
    upload = make_upload(TWO_ROWS, tenant=tenant)
    client.post(act(upload, "pause"))
    client.post(act(upload, "cancel"))

    page = client.get(page_of(upload)).content.decode()

    table = page[page.index('aria-label="What was done"') :]
    told = [table.index(what) for what in ("Sent", "Paused", "Cancelled")]
    assert told == sorted(told)
    assert table.count(f'data-label="By">{clerk}</td>') == 2
