import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from customers.models import Customer
from tenants.tests.factories import TenantFactory
from uploads.models import FileUpload, RowIssue
from uploads.tests.factories import (
    TWO_ROWS,
    FileUploadFactory,
    load,
    make_upload,
    work_off,
)
from uploads.tests.reviews import start

pytestmark = pytest.mark.django_db

LIST = reverse("admin:uploads_fileupload_changelist")
ADD = reverse("admin:uploads_fileupload_add")
ISSUES = reverse("admin:uploads_rowissue_changelist")


def page_of(upload: FileUpload) -> str:
    return reverse("admin:uploads_fileupload_change", args=[upload.pk])


def progress_of(upload: FileUpload) -> str:
    return reverse("admin:uploads_fileupload_progress", args=[upload.pk])


def act(upload: FileUpload, what: str) -> str:
    return reverse(f"admin:uploads_fileupload_{what}", args=[upload.pk])


def sent(text: str = TWO_ROWS, **fields: object) -> dict[str, object]:
    return {"file": SimpleUploadedFile("overdue.csv", text.encode()), **fields}


def test_a_file_sent_in_by_the_form_is_kept_and_named(
    client: Client, clerk: User, tenant
) -> None:
    response = client.post(ADD, sent(tenant=tenant.pk))

    upload = FileUpload.objects.get()
    assert response.status_code == 302
    assert response.url == page_of(upload)
    assert (upload.tenant, upload.uploaded_by) == (tenant, clerk)
    assert upload.original_name == "overdue.csv"
    assert "overdue" not in upload.file.name
    assert upload.size_bytes == len(TWO_ROWS)
    assert "Waiting for" in client.get(page_of(upload)).content.decode()


def test_the_same_file_twice_says_twice_that_all_went_in(
    client: Client, tenant
) -> None:
    for _ in range(2):
        client.post(ADD, sent(tenant=tenant.pk, start_at_once="on"))
        upload = work_off(FileUpload.objects.first())
        if upload.status == "review":  # the first of its shape, or the same bytes
            start(client, upload, again="on")
            work_off(upload)
        page = client.get(page_of(upload)).content.decode()
        assert "Upload completed: 2 successful, 0 failed" in page

    assert "The same file came before" in page
    assert Customer.objects.count() == 4


def test_the_form_offers_the_tenants_of_its_user_only(client: Client, tenant) -> None:
    other = TenantFactory.create(name="Somebody else")

    page = client.get(ADD).content.decode()
    response = client.post(ADD, sent(tenant=other.pk))

    assert tenant.name in page
    assert other.name not in page
    assert response.status_code == 200
    assert "valid choice" in response.content.decode()
    assert not FileUpload.objects.exists()


def test_an_empty_file_is_answered_at_once(client: Client, tenant) -> None:
    response = client.post(ADD, sent("", tenant=tenant.pk))

    assert "empty" in response.content.decode()
    assert not FileUpload.objects.exists()


def test_the_page_moves_with_the_upload(client: Client, tenant) -> None:
    upload = make_upload(tenant=tenant)

    before = client.get(progress_of(upload)).json()
    work_off(upload)
    after = client.get(progress_of(upload)).json()

    assert (before["over"], before["percent"]) == (False, 0)
    assert (after["over"], after["percent"]) == (True, 100)
    assert after["rows"] == "2 of 2 rows"
    assert after["sentence"] == "Upload completed: 2 successful, 0 failed"


def test_a_failure_shows_its_stage_and_sentence(client: Client, tenant) -> None:
    upload = load("Mobile,EMI\n9876543210,5\n", tenant=tenant)

    page = client.get(page_of(upload)).content.decode()

    assert "[csv_parse] There is no column for the customer&#x27;s name." in page
    assert "Look at it and try again" in page
    assert "What changed" not in page  # nothing was loaded


def test_a_file_is_offered_to_be_looked_at_only_where_that_may_help(
    client: Client, tenant
) -> None:
    unplaced = load("Asha,9876543210\nVikram,9876543211\n", tenant=tenant)
    client.post(ADD, sent("%PDF-1.4\n", tenant=tenant.pk))
    hopeless = work_off(FileUpload.objects.first())

    first = client.get(page_of(unplaced)).content.decode()
    client.post(act(unplaced, "retry"))
    looked_at = work_off(unplaced)
    second = client.get(page_of(unplaced)).content.decode()
    pdf = client.get(page_of(hopeless)).content.decode()

    assert "Look at it and try again" in first
    assert looked_at.status == "failed"  # no header at all: there is nothing to choose
    assert "Look at it" not in second
    assert "Try again" in second
    assert hopeless.status == "failed"
    assert "Look at it" not in pdf
    assert "Try again" not in pdf


def test_refused_rows_are_grouped_and_listed(client: Client, tenant) -> None:
    rows = "Asha,98\nVikram,98\nMeera,9876543210\nUma,9.19876E+11\n"
    upload = load(f"Name,Mobile\n{rows}", tenant=tenant)

    page = client.get(page_of(upload)).content.decode()
    issues = client.get(ISSUES, {"upload": upload.pk}).content.decode()
    one_kind = client.get(ISSUES, {"upload": upload.pk, "code": "phone_exponent"})

    assert "The phone number has too few digits." in page
    assert f"?upload={upload.pk}&amp;code=phone_exponent" in page
    assert issues.count("The phone number has too few digits.") >= 2
    assert one_kind.context["cl"].result_count == 1


def test_a_failed_upload_is_retried_with_one_click(client: Client, tenant) -> None:
    upload = make_upload(tenant=tenant)
    kept = upload.file.name
    FileUpload.objects.filter(pk=upload.pk).update(file="uploads/lost")
    work_off(upload)

    FileUpload.objects.filter(pk=upload.pk).update(file=kept)
    response = client.post(act(upload, "retry"))

    upload.refresh_from_db()
    assert response.url == page_of(upload)
    assert (upload.status, upload.error) == ("pending", "")
    assert work_off(upload).status == "completed"


def test_an_upload_is_cancelled_with_one_click(client: Client, tenant) -> None:
    upload = make_upload(tenant=tenant)

    client.post(act(upload, "cancel"))

    assert work_off(upload).status == "cancelled"
    assert not Customer.objects.exists()


@pytest.mark.parametrize("what", ["retry", "cancel"])
def test_acts_are_posted_and_need_their_permission(
    client: Client, clerk: User, tenant, what: str
) -> None:
    upload = make_upload(tenant=tenant)
    got = client.get(act(upload, what))

    clerk.groups.get().permissions.remove(
        *clerk.groups.get().permissions.filter(codename="change_fileupload")
    )
    posted = client.post(act(upload, what))

    assert (got.status_code, posted.status_code) == (405, 403)
    upload.refresh_from_db()
    assert upload.status == "pending"


def test_nothing_of_an_upload_can_be_edited_or_deleted(client: Client, tenant) -> None:
    upload = load(tenant=tenant)

    edited = client.post(page_of(upload), {"total_rows": 0})
    deleted = client.post(f"{page_of(upload)}../delete/", {"post": "yes"})

    assert edited.status_code == 403
    assert deleted.status_code in (403, 404)
    upload.refresh_from_db()
    assert upload.total_rows == 2


def test_a_stranger_finds_nothing_at_any_address(client: Client, clerk: User) -> None:
    theirs = load("Name,Mobile\nAsha,98\n")
    issue = RowIssue.objects.get()
    part = theirs.parts.get()
    nothing = client.get(reverse("admin:uploads_fileupload_change", args=[999_999]))

    for method, address in [
        ("get", page_of(theirs)),
        ("get", progress_of(theirs)),
        ("post", act(theirs, "retry")),
        ("post", act(theirs, "cancel")),
        ("get", reverse("admin:uploads_rowissue_change", args=[issue.pk])),
        ("get", reverse("admin:uploads_uploadpart_change", args=[part.pk])),
    ]:
        response = getattr(client, method)(address)
        assert response.status_code == 404, address
        assert response.content == nothing.content
    assert client.get(LIST).context["cl"].result_count == 0
    for filters in ({}, {"upload": theirs.pk}, {"upload": theirs.pk, "code": "x"}):
        found = client.get(ISSUES, filters)
        assert found.context["cl"].result_count == 0
        assert theirs.original_name not in found.content.decode()


@pytest.mark.parametrize(
    "address", [LIST, ADD, ISSUES, reverse("admin:customers_customer_changelist")]
)
def test_nobody_is_asked_to_log_in_first(client: Client, address: str) -> None:
    response = client.get(address)

    assert response.status_code == 302
    assert "login" in response.url


def test_the_list_asks_the_same_questions_for_one_upload_and_for_many(
    client: Client, tenant, django_assert_max_num_queries
) -> None:
    FileUploadFactory.create_batch(30, tenant=tenant)

    with django_assert_max_num_queries(12):
        page = client.get(LIST)

    assert len(page.context["cl"].result_list) == 25


def test_lists_of_rows_ask_no_more_for_more_rows(
    client: Client, tenant, django_assert_max_num_queries
) -> None:
    rows = "".join(f"Asha,{n}\nVikram,98765{n:05}\n" for n in range(40))
    upload = load(f"Name,Mobile\n{rows}", tenant=tenant)

    for name in ("uploads_rowissue", "customers_customer", "uploads_uploadpart"):
        address = reverse(f"admin:{name}_changelist")
        with django_assert_max_num_queries(20):
            page = client.get(address, {"upload": upload.pk})
        assert len(page.context["cl"].result_list) in (25, 1)


def test_the_page_needs_no_inline_script(client: Client, tenant) -> None:
    page = client.get(page_of(make_upload(tenant=tenant))).content.decode()

    panel = page[page.index('aria-label="Progress"') : page.index("The file")]
    assert "<script" not in panel
    assert "onclick" not in panel
    assert "uploads/upload.js" in page
    assert 'role="progressbar"' in panel
