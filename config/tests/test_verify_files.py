"""Kept files: which are looked at, and which are not missed."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.verify import files
from config.verify.report import Finding, Level, Scope
from messaging.tests.factories import StoredMediaFactory
from tenants.tests.factories import TenantFactory
from uploads.models import FileUpload
from uploads.tests.factories import FileUploadFactory, make_upload

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _kept_files(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "kept"


def found(**scope: Any) -> Finding:
    return files.kept_files_there(Scope(now=timezone.now(), **scope))


def lose(upload: FileUpload) -> None:
    default_storage.delete(upload.file.name)


def test_without_files_there_is_nothing_to_miss() -> None:
    FileUploadFactory.create()

    assert found() == Finding(Level.OK, "none is kept")


def test_files_that_are_there_are_counted() -> None:
    make_upload()
    StoredMediaFactory.create()

    finding = found()

    assert finding.level == Level.OK
    assert "2 looked at, the newest and a sample of older ones" in finding.found


def test_a_lost_file_is_named_by_its_upload() -> None:
    lost, _kept = make_upload(), make_upload()
    lose(lost)

    finding = found()

    assert finding.level == Level.FAIL
    assert f"not there: the file of upload {lost.pk} (" in finding.found
    assert "MEDIA_ROOT" in finding.next_step


def test_many_lost_files_are_counted_and_a_few_named() -> None:
    for _ in range(files.NAMED + 2):
        lose(make_upload())

    assert " and 2 more (" in found().found


def test_an_old_file_has_its_turn_among_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "NEWEST", 2)
    monkeypatch.setattr(files, "OLDER", 3)
    uploads = [make_upload() for _ in range(12)]
    lose(uploads[1])

    findings = [found() for _ in range(60)]

    # Two and three, whatever lies between; the lost one is among the three at times.
    assert all("5 looked at" in finding.found for finding in findings)
    assert {finding.level for finding in findings} == {Level.OK, Level.FAIL}


def test_the_cost_does_not_grow_with_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "NEWEST", 2)
    monkeypatch.setattr(files, "OLDER", 3)
    asked = []
    for count in (12, 30):
        for _ in range(count):
            make_upload()
        with CaptureQueriesContext(connection) as queries:
            found()
        asked.append(len(queries))

    assert max(asked) <= 12


def test_a_look_that_takes_too_long_says_what_it_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(files, "LONGEST_SECONDS", -1)
    for _ in range(3):
        make_upload()

    finding = found()

    assert "1 looked at" in finding.found
    assert "2 left out after" in finding.found


def test_a_file_whose_term_is_over_is_not_missed(settings: Any) -> None:
    settings.UPLOAD_FILE_RETENTION_DAYS = 30
    upload = make_upload()
    lose(upload)
    FileUpload.objects.filter(pk=upload.pk).update(
        status="completed", completed_at=timezone.now() - timedelta(days=31)
    )
    assert found().level == Level.OK

    settings.UPLOAD_FILE_RETENTION_DAYS = 90

    assert found().level == Level.FAIL


def test_another_tenants_file_is_not_looked_for() -> None:
    lost, other = make_upload(), TenantFactory.create()
    lose(lost)

    assert found(tenant_id=other.pk).level == Level.OK
    assert found(tenant_id=lost.tenant_id).level == Level.FAIL


class AwayStorage(FileSystemStorage):
    """Object storage that does not answer."""

    def exists(self, name: str) -> bool:
        raise TimeoutError


def test_a_storage_that_does_not_answer_is_told(settings: Any) -> None:
    make_upload()
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": f"{__name__}.AwayStorage"}
    }

    finding = found()

    assert finding.level == Level.FAIL
    assert finding.found == "the storage does not answer: TimeoutError"
