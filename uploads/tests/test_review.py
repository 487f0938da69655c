"""What was understood of a file, and what its uploader decides before it starts."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, ClassVar

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.models import Customer
from tenants.models import Tenant
from tenants.tests.factories import MembershipFactory
from uploads.choices import Choices
from uploads.models import ColumnMapping, FileUpload, UploadAct
from uploads.reviewing import OpenQuestions, choose, look_at, start
from uploads.services import cancel_upload, create_upload
from uploads.tests import reviews
from uploads.tests.factories import load, make_upload, work_off
from uploads.tests.test_side_by_side import side_by_side
from uploads.undoing import undo_upload

pytestmark = pytest.mark.django_db

Review = FileUpload.Review
SURE = "Name,Mobile,Docket\nAsha,9876543210,a\nVikram,9876543211,b\n"
# Nothing here settles which comes first, the day or the month.
OPEN_DATES = "Name,Mobile,Due Date\nAsha,9876543210,03/04/2026\n"


def to_review(
    data: bytes | str = SURE,
    *,
    tenant: Tenant,
    review: Review = Review.WHEN_NEW,
) -> FileUpload:
    """Send a file in that is looked at first; a worker has read it."""
    upload = create_upload(
        tenant=tenant,
        file=ContentFile(data.encode() if isinstance(data, str) else data),
        name="overdue.csv",
        uploaded_by=None,
        now=timezone.now(),
        queue=False,
        review=review,
    )
    return work_off(upload)


def page(client: Client, upload: FileUpload) -> str:
    return client.get(reviews.page_of(upload)).content.decode()


def test_a_file_of_a_new_layout_waits_and_nothing_of_it_is_written(tenant) -> None:
    upload = to_review(tenant=tenant)

    assert (upload.status, upload.stage) == ("review", "csv_parse")
    assert upload.total_rows == 2
    assert not Customer.objects.exists()
    assert not ColumnMapping.objects.exists()


def test_a_file_sent_by_a_command_does_not_wait(tenant) -> None:
    upload = to_review(tenant=tenant, review=Review.NEVER)

    assert upload.status == "completed"


def test_start_loads_the_rows_and_remembers_who_confirmed_what(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review(tenant=tenant)

    response = reviews.start(client, upload)

    upload = work_off(upload)
    mapping = ColumnMapping.objects.get()
    assert response.url == reviews.page_of(upload)
    assert (upload.status, upload.succeeded_rows) == ("completed", 2)
    assert (mapping.tenant, mapping.confirmed_by) == (tenant, clerk)
    assert mapping.headers == ["Name", "Mobile", "Docket"]
    assert mapping.mapping == ["full_name", "primary_phone", ""]
    started = UploadAct.objects.get(upload=upload, act="started")
    assert started.by == clerk


def test_the_next_file_of_a_known_layout_needs_no_click(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    reviews.start(client, to_review(tenant=tenant))

    again = to_review("NAME,mobile,Docket\nUma,9876543212,c\n", tenant=tenant)

    assert (again.status, again.succeeded_rows) == ("completed", 1)


def test_a_layout_whose_file_was_undone_is_looked_at_again(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review(tenant=tenant)
    reviews.start(client, upload)
    work_off(upload)
    undo_upload(upload_id=upload.pk, by=clerk, now=timezone.now())

    again = to_review(tenant=tenant)
    assert again.status == "review"
    assert "A file of it was undone since" in page(client, again)
    # It stays doubted until somebody starts such a file.
    assert to_review(tenant=tenant).status == "review"
    reviews.start(client, again)

    assert to_review(f"{SURE}\n", tenant=tenant).status == "completed"


def test_a_command_takes_no_columns_that_are_doubted(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review(tenant=tenant)
    kin_is_name = {"column_0": "", "column_2": "full_name"}
    reviews.check(client, upload, **kin_is_name)
    reviews.start(client, upload)
    work_off(upload)
    undo_upload(upload_id=upload.pk, by=clerk, now=timezone.now())

    sent = to_review(tenant=tenant, review=Review.NEVER)

    assert sent.status == "completed"
    assert set(Customer.objects.values_list("full_name", flat=True)) == {
        "Asha",
        "Vikram",
    }


def test_an_undone_file_leaves_columns_alone_that_were_confirmed_after_it(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    first = to_review(tenant=tenant)
    reviews.start(client, first)
    work_off(first)
    second = to_review(f"{SURE}\n\n", tenant=tenant, review=Review.ALWAYS)
    reviews.start(client, second)

    undo_upload(upload_id=first.pk, by=clerk, now=timezone.now())

    assert to_review(f"{SURE}\n", tenant=tenant).status == "completed"


def test_an_undone_file_that_brought_nothing_puts_no_columns_in_doubt(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    reviews.start(client, to_review(tenant=tenant))
    refused = to_review("Name,Mobile,Docket\nUma,98,c\n", tenant=tenant)
    assert refused.succeeded_rows == 0

    undo_upload(upload_id=refused.pk, by=clerk, now=timezone.now())

    assert to_review(f"{SURE}\n", tenant=tenant).status == "completed"


def test_a_start_is_read_as_confirmed_whatever_is_confirmed_after_it(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    phones = "Name,Mobile,Kin\nAsha,9876543210,9000000001\n"
    first, second = (to_review(phones, tenant=tenant) for _ in range(2))
    kin = {"column_1": "", "column_2": "primary_phone"}
    reviews.check(client, first, **kin)
    reviews.start(client, first)
    reviews.start(client, second)  # with the other phone, before a worker came to it

    work_off(first)

    customer = Customer.objects.get(upload=first)
    assert customer.primary_phone == "+919000000001"


def test_a_known_layout_waits_where_its_uploader_wants_to_look(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    reviews.start(client, to_review(tenant=tenant))

    again = to_review(tenant=tenant, review=Review.ALWAYS)

    assert again.status == "review"
    assert "This layout is known" in page(client, again)


@pytest.mark.parametrize(
    ("checked", "status"), [("on", "completed"), ("", "review")], ids=["on", "off"]
)
def test_the_form_says_whether_a_known_layout_starts_at_once(
    client: Client, clerk: User, tenant: Tenant, checked: str, status: str
) -> None:
    reviews.start(client, to_review(tenant=tenant))

    client.post(
        reverse("admin:uploads_fileupload_add"),
        {
            "tenant": tenant.pk,
            "file": ContentFile(f"{SURE}\n".encode(), name="next.csv"),
            "start_at_once": checked,
        },
    )

    assert work_off(FileUpload.objects.first()).status == status


def test_a_missing_column_is_chosen_on_the_page(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    rows = "Party,Mobile\nAsha,9876543210\n"
    upload = to_review(rows, tenant=tenant)

    shown = page(client, upload)
    refused = reviews.start(client, upload)
    upload.refresh_from_db()
    still = upload.status
    reviews.check(client, upload, column_0="full_name")
    reviews.start(client, upload)

    assert "Which column is the customer&#x27;s name?" in shown
    assert refused.status_code == 302
    assert still == "review"
    assert work_off(upload).status == "completed"
    assert Customer.objects.get().full_name == "Asha"
    # From now on the very header that nobody knew needs no click, by command neither.
    assert load(rows, tenant=tenant).status == "completed"


UNKNOWN = "Kunde,Handy,Betrag\nAsha,9876543210,500\nVikram,9876543211,600\n"


def test_columns_of_which_no_name_is_known_are_chosen_once(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review(UNKNOWN, tenant=tenant)

    assert "Which column is the customer&#x27;s name?" in page(client, upload)
    reviews.check(client, upload, column_0="full_name", column_1="primary_phone")
    reviews.start(client, upload)

    assert work_off(upload).succeeded_rows == 2
    entry = Customer.objects.get(row_number=3)
    assert (entry.full_name, entry.extra) == ("Vikram", {"Betrag": "600"})
    # It is known from now on, to commands too.
    assert to_review(f"{UNKNOWN}\n", tenant=tenant).status == "completed"
    assert load(UNKNOWN, tenant=tenant).status == "completed"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(UNKNOWN, "review", id="a table"),
        pytest.param(UNKNOWN.replace(",", ";"), "review", id="semicolons"),
        pytest.param(f"Overdue list\n\n{UNKNOWN}", "review", id="under a title"),
        pytest.param("Asha,9876543210\nVikram,9876543211\n", "failed", id="no header"),
        pytest.param("Kunde\nAsha\n", "failed", id="one column"),
        pytest.param("Kunde,Kunde\nAsha,1\n", "failed", id="twice the same"),
        pytest.param("Kunde,Handy\nAsha\nVikram\n", "failed", id="no table"),
    ],
)
def test_only_a_table_is_asked_about(tenant: Tenant, data: str, status: str) -> None:
    assert to_review(data, tenant=tenant).status == status


def test_a_command_takes_no_columns_of_which_it_knows_no_name(tenant: Tenant) -> None:
    upload = load(UNKNOWN, tenant=tenant)

    assert upload.error.startswith("[csv_parse] No header was found")


def test_a_file_that_a_command_could_not_place_is_shown_to_who_tries_it_again(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = load(UNKNOWN, tenant=tenant)

    client.post(reverse("admin:uploads_fileupload_retry", args=[upload.pk]))

    assert work_off(upload).status == "review"
    assert "Which column is the customer&#x27;s phone?" in page(client, upload)


def test_a_guess_is_shown_as_one_and_taken_by_the_start_only(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    rows = "Customr Name,Mobile\nAsha,9876543210\n"

    unattended = load(rows, tenant=tenant)
    upload = to_review(rows, tenant=tenant)
    shown = page(client, upload)
    reviews.start(client, upload)

    assert unattended.status == "failed"
    assert "Customr Name" in unattended.error
    assert "A guess by its name" in shown
    assert work_off(upload).status == "completed"


def test_two_headers_for_one_field_are_asked_about(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review(
        "Name,Mobile,Contact No\nA,9876543210,9876543211\n", tenant=tenant
    )

    shown = page(client, upload)
    reviews.check(client, upload, column_1="", column_2="primary_phone")
    reviews.start(client, upload)
    work_off(upload)

    assert "“Contact No” may be the same: which is it?" in shown
    customer = Customer.objects.get()
    assert customer.primary_phone == "+919876543211"
    assert customer.extra == {"Mobile": "9876543210"}


def test_one_field_chosen_twice_does_not_start(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review(tenant=tenant)

    reviews.check(client, upload, column_2="primary_phone")
    reviews.start(client, upload)

    upload.refresh_from_db()
    assert upload.status == "review"
    assert "are both chosen as the phone" in page(client, upload)


def test_a_column_of_national_ids_is_read_as_nothing_else(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    rows = "Name,Mobile,Aadhaar\nAsha,9876543210,234123412346\n"
    upload = to_review(rows, tenant=tenant)

    reviews.check(client, upload, column_2="loan_number")
    reviews.start(client, upload)
    shown = page(client, upload)

    upload.refresh_from_db()
    assert upload.status == "review"
    assert "holds national ids" in shown
    assert "234123412346" not in shown
    assert "XXXXXXXX2346" in shown


def test_what_was_changed_is_shown_before_it_starts(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review(OPEN_DATES, tenant=tenant)

    reviews.start(client, upload, dates_due_date="month first")

    upload.refresh_from_db()
    assert upload.status == "review"
    assert look_at(upload).layout.date_orders == {"due_date": "month first"}


@pytest.mark.parametrize(
    ("order", "date"),
    [("day first", "2026-04-03"), ("month first", "2026-03-04")],
)
def test_the_order_of_dates_that_nothing_settles_is_chosen_and_remembered(
    client: Client, clerk: User, tenant: Tenant, order: str, date: str
) -> None:
    upload = to_review(OPEN_DATES, tenant=tenant)
    assert reviews.choices_shown(client, upload)["dates_due_date"] == "day first"

    reviews.check(client, upload, dates_due_date=order)
    reviews.start(client, upload)
    work_off(upload)
    load(OPEN_DATES.replace("Asha", "Uma"), tenant=tenant)

    assert [str(entry.due_date) for entry in Customer.objects.all()] == [date, date]


def test_a_remembered_order_gives_way_to_what_the_next_file_shows(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review(OPEN_DATES, tenant=tenant)
    reviews.check(client, upload, dates_due_date="month first")
    reviews.start(client, upload)

    settled = f"{OPEN_DATES}Uma,9876543211,25/12/2026\n"
    upload = load(settled, tenant=tenant)

    assert upload.succeeded_rows == 2
    entry = Customer.objects.get(upload_id=upload.pk, full_name="Asha")
    assert str(entry.due_date) == "2026-04-03"


def test_a_column_made_a_date_is_read_as_the_whole_file_shows(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    late = "".join(f"Asha,98765{n:05},03/04/2026\n" for n in range(1200))
    rows = f"Name,Mobile,Visit\n{late}Uma,9876543211,12/25/2026\n"
    upload = to_review(rows, tenant=tenant)

    reviews.check(client, upload, column_2="due_date")
    reviews.start(client, upload)
    upload = work_off(upload)

    assert (upload.succeeded_rows, upload.failed_rows) == (1201, 0)
    assert str(Customer.objects.first().due_date) in ("2026-03-04", "2026-12-25")
    assert not Customer.objects.filter(due_date="2026-04-03").exists()


def test_another_encoding_is_chosen_where_the_ladder_was_wrong(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    data = "Name,Mobile\nZoë,9876543210\nAndré,9876543211\n".encode("mac-roman")
    upload = to_review(data, tenant=tenant)

    before = page(client, upload)
    reviews.check(client, upload, encoding="mac-roman")
    after = page(client, upload)
    reviews.start(client, upload)
    work_off(upload)

    assert "it was read as Windows-1252" in before
    assert "Zoë" not in before
    assert "Zoë" in after
    names = set(Customer.objects.values_list("full_name", flat=True))
    assert names == {"Zoë", "André"}


def test_another_delimiter_makes_other_columns_with_their_own_meanings(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    rows = "Name;Docket,Name,Phone\nAsha;9,Uma,9876543210\n"
    upload = to_review(rows, tenant=tenant)

    reviews.check(client, upload, delimiter=";")

    upload.refresh_from_db()
    reviewed = look_at(upload)
    assert reviewed.found.headers == ("Name;Docket", "Name", "Phone")
    assert reviewed.layout.headers == ("Name", "Docket,Name,Phone")
    (question,) = reviewed.questions
    assert question.startswith("Which column is the customer's phone?")


def test_a_choice_that_makes_no_table_is_not_kept(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review("Name,Mobile\nAsha,9876543210\n", tenant=tenant)

    reviews.check(client, upload, delimiter="|")

    upload.refresh_from_db()
    assert upload.choices == {}
    assert "That choice does not fit the file." in page(client, upload)


def test_the_first_thousand_rows_are_checked_and_the_rest_left_for_later(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    good = "".join(f"Asha,98765{n:05}\n" for n in range(1200))
    upload = to_review(f"Name,Mobile\nVikram,98\n{good}", tenant=tenant)

    checked = look_at(upload).checked
    shown = page(client, upload)

    assert (checked.good, checked.bad) == (999, 1)
    assert [(p.row_count, p.line) for p in checked.problems] == [(1, 2)]
    assert checked.rows[0].cells[1].refused
    assert "the other 201 rows" in shown
    assert shown.count("review-bad") == 1


def test_two_who_start_at_once_start_it_once(clerk: User, tenant: Tenant) -> None:
    upload = to_review(tenant=tenant)
    now = timezone.now()

    starts = [start(upload_id=upload.pk, by=clerk, now=now) for _ in range(2)]

    assert starts == [True, False]
    assert UploadAct.objects.filter(upload=upload, act="started").count() == 1


def test_a_service_starts_nothing_that_is_open(clerk: User, tenant: Tenant) -> None:
    upload = to_review("Party,Mobile\nAsha,9876543210\n", tenant=tenant)

    with pytest.raises(OpenQuestions, match="customer's name"):
        start(upload_id=upload.pk, by=clerk, now=timezone.now())

    upload.refresh_from_db()
    assert upload.status == "review"


class InterruptedStorage(FileSystemStorage):
    """Has something else happen when a kept file is opened."""

    meanwhile: ClassVar[Callable[[], object]]

    def _open(self, name: str, mode: str = "rb") -> File:  # type: ignore[type-arg]
        type(self).meanwhile()
        return super()._open(name, mode)


def interrupt(settings: Any, meanwhile: Callable[[], object]) -> None:
    """Have something happen each time a kept file is opened from now on."""
    InterruptedStorage.meanwhile = meanwhile
    backend = f"{InterruptedStorage.__module__}.{InterruptedStorage.__qualname__}"
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": backend}}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("data", "raised"), [(SURE, None), ("Party,Mobile\nA,98\n", OpenQuestions)]
)
def test_a_cancel_does_not_wait_while_a_start_reads_the_file(
    settings: Any, data: str, raised: type[Exception] | None
) -> None:
    membership = MembershipFactory.create()
    upload = to_review(data, tenant=membership.tenant)

    def cancel() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")
        try:
            cancel_upload(upload_id=upload.pk, by=None, now=timezone.now())
        finally:
            with connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")

    interrupt(settings, lambda: side_by_side(cancel))

    with pytest.raises(raised) if raised else nullcontext():
        assert not start(upload_id=upload.pk, by=membership.user, now=timezone.now())

    upload.refresh_from_db()
    assert upload.status == "cancelled"
    assert not ColumnMapping.objects.exists()
    assert not UploadAct.objects.filter(upload=upload, act="started").exists()


def test_what_others_chose_while_the_file_was_read_is_looked_at_first(
    settings: Any, client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review(tenant=tenant)
    posted = reviews.choices_shown(client, upload)
    anew = Choices(encoding="cp1252").as_json()
    looks: list[None] = []

    def choose_anew() -> None:
        looks.append(None)
        if len(looks) == 2:  # the first is for what was posted
            FileUpload.objects.filter(pk=upload.pk).update(choices=anew)

    interrupt(settings, choose_anew)

    page = client.post(
        reverse("admin:uploads_fileupload_start", args=[upload.pk]), posted, follow=True
    )

    upload.refresh_from_db()
    assert "has chosen anew meanwhile" in page.content.decode()
    assert (upload.status, upload.choices) == ("review", anew)
    assert not ColumnMapping.objects.exists()


def test_an_upload_that_was_cancelled_meanwhile_takes_no_choices(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review(tenant=tenant)
    client.post(reverse("admin:uploads_fileupload_cancel", args=[upload.pk]))

    kept = choose(upload_id=upload.pk, choices=Choices(), now=timezone.now())
    started = client.post(reverse("admin:uploads_fileupload_start", args=[upload.pk]))

    upload.refresh_from_db()
    assert kept is False
    assert started.status_code == 302
    assert upload.status == "cancelled"


@pytest.mark.parametrize("what", ["check", "start"])
def test_choices_are_posted_by_those_who_may_act(
    client: Client, clerk: User, tenant: Tenant, what: str
) -> None:
    upload = to_review(tenant=tenant)
    address = reverse(f"admin:uploads_fileupload_{what}", args=[upload.pk])
    got = client.get(address)
    role = clerk.groups.get()
    role.permissions.remove(*role.permissions.filter(codename="change_fileupload"))

    posted = client.post(address, {"column_0": ""})
    shown = page(client, upload)

    assert (got.status_code, posted.status_code) == (405, 403)
    assert "What was understood" in shown
    assert "data-start" not in shown
    assert "disabled" in shown
    upload.refresh_from_db()
    assert (upload.status, upload.choices) == ("review", {})


def test_who_may_only_look_is_told_who_starts_it(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    upload = to_review(tenant=tenant)
    role = clerk.groups.get()
    told = "Somebody who may change uploads has to start it."
    may_start = page(client, upload)

    role.permissions.remove(*role.permissions.filter(codename="change_fileupload"))
    may_look = page(client, upload)

    assert told not in may_start
    assert told in may_look
    assert "data-start" not in may_look


@pytest.mark.parametrize("what", ["check", "start"])
def test_a_stranger_finds_no_review(client: Client, clerk: User, what: str) -> None:
    theirs = to_review(tenant=MembershipFactory.create().tenant)
    nothing = reverse(f"admin:uploads_fileupload_{what}", args=[999_999])

    response = client.post(
        reverse(f"admin:uploads_fileupload_{what}", args=[theirs.pk])
    )

    assert response.status_code == 404
    assert response.content == client.post(nothing).content
    assert client.get(reviews.page_of(theirs)).status_code == 404
    theirs.refresh_from_db()
    assert theirs.status == "review"


ISO_DATES = "Name,Mobile,Due Date\nAsha,9876543210,2026-09-25\n"


def test_an_order_that_no_file_told_is_asked_about_though_the_layout_is_known(
    client: Client, clerk: User, tenant: Tenant
) -> None:
    reviews.start(client, to_review(ISO_DATES, tenant=tenant))
    either = ISO_DATES.replace("2026-09-25", "03/04/2026")

    open_one = to_review(either, tenant=tenant)
    clear = to_review(ISO_DATES.replace("09-25", "09-26"), tenant=tenant)
    reviews.start(client, open_one)
    after = to_review(either.replace("03/04", "05/06"), tenant=tenant)

    assert (open_one.status, clear.status) == ("review", "completed")
    # Started as it was shown: that is an answer.
    assert after.status == "completed"


def test_a_mended_file_tells_the_order_that_its_parent_did_not(tenant: Tenant) -> None:
    parent = load(f"{ISO_DATES}Uma,98,2026-09-03\n", tenant=tenant)
    header = ISO_DATES.splitlines()[0]

    mended = make_upload(
        f"{header}\nUma,9876543211,9/3/2026\nRavi,9876543212,9/25/2026\n", tenant=tenant
    )
    FileUpload.objects.filter(pk=mended.pk).update(parent=parent)
    mended.refresh_from_db()
    work_off(mended)

    days = Customer.objects.filter(upload=mended).order_by("row_number")
    assert [day.isoformat() for day in days.values_list("due_date", flat=True)] == [
        "2026-09-03",
        "2026-09-25",
    ]
