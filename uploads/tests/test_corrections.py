"""A mended file is read as the one it corrects."""

from datetime import date

import pytest

from customers.models import Customer
from uploads.models import FileUpload
from uploads.tests.factories import load, make_upload, work_off
from uploads.tests.test_rejected import send_again, written

pytestmark = pytest.mark.django_db

HEADER = "Name,Mobile,Due Date,EMI\n"


def due_dates(upload: FileUpload) -> list[date]:
    entries = Customer.objects.filter(upload=upload).order_by("row_number")
    return list(entries.values_list("due_date", flat=True))


def test_dates_are_read_in_the_order_of_the_corrected_file() -> None:
    month_first = "".join(f"A,98765432{n:02},11/{n},5\n" for n in range(13, 28))
    parent = load(HEADER + month_first.replace(",5", "/2024,5") + "B,1,03/04/2024,5\n")
    assert parent.failed_rows == 1

    child = send_again(parent, written(parent).replace('"B","1",', '"B","9876543210",'))

    assert due_dates(child) == [date(2024, 3, 4)]


def test_a_refused_date_does_not_turn_the_others_round() -> None:
    day_first = "".join(f"A,98765432{n:02},{n}/11/2024,5\n" for n in range(13, 31))
    parent = load(
        f"{HEADER}{day_first}{day_first}B,1,03/04/2024,5\nC,9876543211,11/25/2024,5\n"
    )
    assert parent.failed_rows == 2

    child = send_again(parent, written(parent).replace('"B","1",', '"B","9876543210",'))

    assert due_dates(child) == [date(2024, 4, 3)]
    assert child.failed_rows == 1


def test_another_header_is_read_by_itself() -> None:
    parent = load(f"{HEADER}B,1,03/04/2024,5\n")
    FileUpload.objects.filter(pk=parent.pk).update(
        layout={**parent.layout, "date_orders": {"due_date": "month first"}}
    )
    parent.refresh_from_db()

    child = send_again(parent, "Name,Mobile,Due Date\nB,9876543210,03/04/2024\n")

    assert due_dates(child) == [date(2024, 4, 3)]


def test_a_mended_file_needs_no_second_review() -> None:
    parent = load(f"{HEADER}B,1,03/04/2024,5\n")
    child = make_upload(f"{HEADER}B,9876543210,03/04/2024,5\n", tenant=parent.tenant)
    child.parent, child.review = parent, FileUpload.Review.WHEN_NEW
    child.save(update_fields=["parent", "review"])

    assert work_off(child).status == "completed"


def test_a_file_mended_before_its_own_was_confirmed_is_looked_at() -> None:
    # Taken by a guess: nobody has said yet that these are the name and the amount.
    guessed = "Custmer Name,Mobile,Loan Amnt\nAsha,9876543210,5\n"
    parent = make_upload(guessed, review=FileUpload.Review.WHEN_NEW)
    assert work_off(parent).status == "review"
    child = make_upload(
        guessed.replace("Asha", "Ravi"),
        tenant=parent.tenant,
        review=FileUpload.Review.WHEN_NEW,
    )
    FileUpload.objects.filter(pk=child.pk).update(parent=parent)

    assert work_off(child).status == "review"
    assert not Customer.objects.exists()


def test_columns_mean_what_they_meant_in_the_corrected_file() -> None:
    parent = load("Name,Mobile,Zustand\nB,1,Goa\n")
    FileUpload.objects.filter(pk=parent.pk).update(
        layout={
            **parent.layout,
            "meanings": {"0": "full_name", "1": "primary_phone", "2": "state"},
        }
    )
    parent.refresh_from_db()

    send_again(parent, written(parent).replace('"B","1",', '"B","9876543210",'))

    assert Customer.objects.get().state == "Goa"
