"""A page has another process read a file, for so long and no longer, few at once."""

import io
import json
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import BinaryIO, cast

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tenants.models import Tenant
from tenants.tests.programs import program_of
from uploads import file_processes
from uploads.file_processes import Limits, NoSpace, TookTooLong, read_apart
from uploads.models import FileUpload
from uploads.reading import read_upload
from uploads.rejected_files import rejected_file
from uploads.reviewing import look_at
from uploads.services import create_upload
from uploads.tests.factories import TWO_ROWS, load

pytestmark = pytest.mark.django_db

# No interpreter starts in that.
SHORT = Limits(seconds=0.001)
NO_MEMORY = Limits(seconds=60, memory_bytes=1 << 20)
ONE_BAD = TWO_ROWS + "Meera,12,5\n"
# A program has some room left by what it has read before.
WIDE = "Name,Mobile,Note,Remark\n" + "".join(
    f"Asha,98{number:08},{'a' * 990},{'b' * 990}\n" for number in range(3_000)
)
BUSY = "try again in some seconds"


def to_review(text: str) -> FileUpload:
    upload = create_upload(
        tenant=tenant_of_the_clerk(),
        file=ContentFile(text.encode()),
        name="dues.csv",
        uploaded_by=None,
        now=timezone.now(),
        queue=False,
        review=FileUpload.Review.ALWAYS,
    )
    read_upload(upload_id=upload.pk, now=timezone.now())
    upload.refresh_from_db()
    return upload


def tenant_of_the_clerk() -> Tenant:
    return User.objects.get().memberships.get().tenant


@pytest.fixture
def no_place_left() -> Iterator[None]:
    for _ in range(file_processes.AT_ONCE):
        file_processes.PLACES.acquire()
    yield
    file_processes.PLACES.release(file_processes.AT_ONCE)


@pytest.mark.parametrize("limits", [SHORT, NO_MEMORY], ids=["seconds", "memory"])
def test_a_preview_that_takes_too_much_is_stopped(clerk: User, limits: Limits) -> None:
    upload = to_review(WIDE)

    with pytest.raises(TookTooLong, match="was stopped"):
        look_at(upload, limits=limits)


@pytest.mark.parametrize("limits", [SHORT, NO_MEMORY], ids=["seconds", "memory"])
def test_refused_rows_that_take_too_much_are_stopped(limits: Limits) -> None:
    upload = load(ONE_BAD)

    with pytest.raises(TookTooLong, match="was stopped"):
        rejected_file(upload, limits=limits)


def test_the_place_is_free_again_after_a_failure(clerk: User) -> None:
    upload = to_review(WIDE)
    for _ in range(file_processes.AT_ONCE + 1):
        with pytest.raises(TookTooLong):
            look_at(upload, limits=NO_MEMORY)

    assert look_at(upload).checked.good


@pytest.mark.usefixtures("no_place_left")
def test_the_page_says_that_others_are_before_it(clerk: User, client: Client) -> None:
    upload = to_review(TWO_ROWS)

    page = client.get(reverse("admin:uploads_fileupload_change", args=[upload.pk]))

    assert page.status_code == 200
    assert BUSY in page.content.decode()


@pytest.mark.usefixtures("no_place_left")
def test_a_start_that_finds_no_place_changes_nothing(
    clerk: User, client: Client
) -> None:
    upload = to_review(TWO_ROWS)

    answer = client.post(
        reverse("admin:uploads_fileupload_start", args=[upload.pk]), follow=True
    )

    assert BUSY in answer.content.decode()
    upload.refresh_from_db()
    assert upload.status == "review"


@pytest.mark.usefixtures("no_place_left")
def test_a_download_that_finds_no_place_is_told_and_leaves_no_act(
    clerk: User, client: Client
) -> None:
    upload = load(ONE_BAD, tenant=tenant_of_the_clerk())

    answer = client.get(
        reverse("admin:uploads_fileupload_rejected", args=[upload.pk]), follow=True
    )

    assert BUSY in answer.content.decode()
    assert not upload.acts.filter(act="exported").exists()


@pytest.mark.usefixtures("no_place_left")
def test_a_program_is_asked_to_come_again() -> None:
    upload = load(ONE_BAD)

    answer = program_of(upload.tenant).get(f"/api/v1/uploads/{upload.pk}/rejected/")

    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert BUSY in answer.json()["detail"]


def test_a_file_without_a_descriptor_is_read_from_a_copy() -> None:
    """As one is that comes from an object storage."""
    data = TWO_ROWS.encode()
    with TemporaryFile() as target:
        read_apart(
            "lay_out",
            {"encoding": "utf-8", "damaged": False, "delimiter": ","},
            file=io.BytesIO(data),
            target=cast(BinaryIO, target),
            limits=Limits(seconds=60),
        )
        target.seek(0)
        layout = json.load(target)["layout"]

    assert layout["headers"] == ["Name", "Mobile", "Loan Amount"]


@pytest.mark.parametrize("count", [1, 900], ids=["at the end", "in between"])
def test_a_full_disk_is_told_in_a_sentence(count: int) -> None:
    headers = ",".join(f"Column {number:030}" for number in range(count))
    data = f"Name,Mobile,{headers}\nAsha,9876543210\n".encode()
    with (
        open("/dev/full", "wb", buffering=0) as full,
        pytest.raises(NoSpace, match="no space left on its disk"),
    ):
        read_apart(
            "lay_out",
            {"encoding": "utf-8", "damaged": False, "delimiter": ","},
            file=io.BytesIO(data),
            target=cast(BinaryIO, full),
            limits=Limits(seconds=60),
        )
