"""How fast rows come and how long it takes: figures that somebody watches."""

from datetime import UTC, datetime, timedelta

import pytest

from uploads.acts import record_act
from uploads.models import FileUpload, UploadAct, UploadPart
from uploads.progress import progress_of
from uploads.tests.factories import FileUploadFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
Act = UploadAct.Act


def hour_old(**fields: object) -> FileUpload:
    """An upload that began an hour ago: 40 rows at once, 20 in the last ten seconds."""
    upload = FileUploadFactory.create(
        status="processing",
        stage="customer_creation",
        total_rows=100,
        succeeded_rows=50,
        failed_rows=10,
        started_at=NOW - timedelta(hours=1),
        **fields,
    )
    for number, (rows, ago) in enumerate([(40, 3599), (20, 4)]):
        UploadPart.objects.create(
            upload=upload,
            number=number,
            start_byte=number,
            end_byte=number + 1,
            first_line=2 + 40 * number,
            row_count=rows,
            succeeded_rows=rows - 5,
            failed_rows=5,
            status="done",
            done_at=NOW - timedelta(seconds=ago),
        )
    return upload


@pytest.mark.parametrize("act", [Act.RESUMED, Act.RETRIED])
def test_the_time_in_which_an_upload_stood_still_slows_nothing(act: Act) -> None:
    upload = hour_old()
    record_act(upload.pk, act, by=None, at=NOW - timedelta(seconds=10))

    progress = progress_of(upload, now=NOW)

    assert (progress.done, progress.percent) == (60, 60)
    assert progress.rows_per_second == 2
    assert progress.seconds_left == 20


def test_without_a_stop_the_rate_is_that_of_all_rows() -> None:
    progress = progress_of(hour_old(), now=NOW - timedelta(seconds=3570))

    assert (progress.rows_per_second, progress.seconds_left) == (2, 20)


def test_a_paused_upload_has_no_speed() -> None:
    progress = progress_of(hour_old(), now=NOW)
    paused = hour_old()
    paused.status = "paused"

    assert progress.seconds_left is not None
    told = progress_of(paused, now=NOW)
    assert (told.rows_per_second, told.seconds_left, told.done) == (0, None, 60)
