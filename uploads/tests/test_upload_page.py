"""An upload's page and the lists around it, as whoever reads them all day sees them."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse

from tenants.tests.factories import MembershipFactory
from uploads.models import FileUpload
from uploads.tests.factories import FileUploadFactory, load, make_upload, work_off
from uploads.tests.reviews import page_of

pytestmark = pytest.mark.django_db

LIST = reverse("admin:uploads_fileupload_changelist")
ISSUES = reverse("admin:uploads_rowissue_changelist")


def shown(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def act(upload: FileUpload, what: str) -> str:
    return reverse(f"admin:uploads_fileupload_{what}", args=[upload.pk])


def large(tenant, **fields: object) -> FileUpload:
    counts = {"total_rows": 1234567, "succeeded_rows": 1230000, "failed_rows": 4567}
    return FileUploadFactory.create(
        tenant=tenant, **{"status": "completed", **counts, **fields}
    )


def test_counts_are_grouped_as_india_writes_them(client: Client, tenant) -> None:
    upload = large(tenant)

    listed, page = shown(client, LIST), shown(client, page_of(upload))

    assert "Upload completed: 12,30,000 successful, 4,567 failed" in page
    for figure in ("12,34,567", "12,30,000", "4,567"):
        assert figure in listed
        assert figure in page
    # Programs read plain digits.
    assert upload.sentence == "Upload completed: 1230000 successful, 4567 failed"


def test_times_are_those_of_the_tenant(client: Client, tenant) -> None:
    tenant.timezone = "Asia/Dubai"
    tenant.save(update_fields=["timezone"])
    sent_at = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)
    upload = large(tenant, created_at=sent_at, completed_at=sent_at)

    listed, page = shown(client, LIST), shown(client, page_of(upload))

    assert "23 Nov 2026, 01:30" in listed
    assert page.count("23 Nov 2026, 01:30") == 2


def test_the_page_names_the_file_as_it_was_named(client: Client, tenant) -> None:
    page = shown(client, page_of(large(tenant, original_name="overdue Nov.csv")))

    assert '<h2 class="upload-name">overdue Nov.csv</h2>' in page


def test_what_was_done_is_told_in_one_place(client: Client, tenant) -> None:
    upload = large(tenant)

    page = shown(client, page_of(upload))

    assert "What was done" in page
    assert reverse("admin:uploads_fileupload_history", args=[upload.pk]) not in page


@pytest.mark.parametrize(
    ("loaded", "sentence"),
    [
        (0, "Cancelled: nothing was loaded"),
        (40000, "Cancelled: 40,000 entries were loaded before, and stay"),
    ],
)
def test_a_cancelled_upload_says_what_stays_of_it(
    client: Client, tenant, loaded: int, sentence: str
) -> None:
    upload = large(tenant, status="cancelled", succeeded_rows=loaded)

    assert sentence in shown(client, page_of(upload))


def test_an_undone_upload_leads_to_no_entries(client: Client, tenant) -> None:
    upload = load(tenant=tenant)
    entries = f"?upload={upload.pk}"
    before = shown(client, page_of(upload))

    client.post(act(upload, "undo"))

    after = shown(client, page_of(upload))
    assert entries in before
    assert "What changed" in before
    assert entries not in after
    assert "What changed" not in after


def test_an_undone_upload_is_not_offered_to_be_undone(client: Client, tenant) -> None:
    upload = load(tenant=tenant)
    client.post(act(upload, "undo"))

    again = client.get(act(upload, "undo"), follow=True)

    assert again.redirect_chain == [(page_of(upload), 302)]
    assert "This upload is undone already" in again.content.decode()


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("pause", "Paused. Rows that a worker has in hand are still loaded."),
        ("cancel", "Cancelled: nothing more is loaded."),
    ],
)
def test_what_a_button_did_is_said(
    client: Client, tenant, what: str, said: str
) -> None:
    upload = make_upload(tenant=tenant)

    assert said in client.post(act(upload, what), follow=True).content.decode()
    assert said not in client.post(act(upload, what), follow=True).content.decode()


def test_a_refused_row_leads_to_its_file(client: Client, tenant) -> None:
    upload = load("Name,Mobile\nAsha,98\n", tenant=tenant)

    listed = shown(client, f"{ISSUES}?upload={upload.pk}")

    assert f'href="{page_of(upload)}"' in listed
    # On a phone each cell has its header before it.
    assert "Select record" not in listed


def test_rows_are_not_called_good_before_the_columns_are_known(
    client: Client, tenant
) -> None:
    sent = "Party,Handset\nAsha,9876543210\nVikram,9876543211\n"
    client.post(
        reverse("admin:uploads_fileupload_add"),
        {"tenant": tenant.pk, "file": ContentFile(sent.encode(), name="a.csv")},
    )
    page = shown(client, page_of(work_off(FileUpload.objects.get())))

    assert "Which column is the customer&#x27;s name?" in page
    assert "Which of them are good shows once" in page
    assert "to be refused" not in page


def test_who_works_for_several_tenants_says_whose_file_it_is(
    client: Client, clerk: User, tenant
) -> None:
    add = reverse("admin:uploads_fileupload_add")
    for_one = client.get(add).context["adminform"].form.initial["tenant"]
    MembershipFactory.create(user=clerk)

    for_two = client.get(add).context["adminform"].form.initial["tenant"]
    unsaid = client.post(add, {"file": ContentFile(b"Name,Mobile\n", name="a.csv")})

    assert (for_one, for_two) == (tenant, None)
    assert unsaid.status_code == 200
    assert not FileUpload.objects.exists()
