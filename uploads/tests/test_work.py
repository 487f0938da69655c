"""Which work on files counts as under way, and as overdue."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.utils import timezone

from uploads.models import UploadWork
from uploads.tests.factories import make_upload
from uploads.work import (
    begin_reading,
    doing,
    forget_abandoned_work,
    hold,
    overdue_work,
    process_name,
)

LIMIT = timedelta(seconds=60)


@pytest.mark.django_db(transaction=True)
def test_work_is_overdue_after_its_deadline_while_its_transaction_is_open() -> None:
    now = timezone.now()
    upload = make_upload()
    work = begin_reading(upload_id=upload.pk, limit=LIMIT, now=now)
    late = now + 2 * LIMIT

    with transaction.atomic():
        hold(work.pk, limit=LIMIT)
        assert overdue_work(now=now) == []
        assert [one.upload for one in overdue_work(now=late)] == [upload]
    assert overdue_work(now=late) == []


@pytest.mark.django_db(transaction=True)
def test_what_a_dead_process_left_behind_is_forgotten_and_work_is_not() -> None:
    now = timezone.now()
    upload = make_upload()
    held, _left = (
        begin_reading(upload_id=upload.pk, limit=LIMIT, now=now) for _ in range(2)
    )

    with transaction.atomic():
        hold(held.pk, limit=LIMIT)
        assert forget_abandoned_work(now=now) == 0
        assert forget_abandoned_work(now=now + 2 * LIMIT) == 1

    assert list(UploadWork.objects.all()) == [held]


@pytest.mark.django_db
def test_a_process_has_its_own_name_again_after_its_work() -> None:
    name = Path("/proc/self/comm")
    before = name.read_text()

    for work_id in range(3):
        with doing(work_id):
            assert name.read_text() == f"{process_name(work_id)}\n"

    assert name.read_text() == before


@pytest.mark.django_db
def test_no_limit_is_so_short_that_locks_are_waited_for_for_ever() -> None:
    hold(1, limit=timedelta(0))

    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("1ms",)
