import json
import threading
from io import StringIO
from pathlib import Path
from typing import ClassVar

import pytest
from django.core.files import File
from django.core.files.storage import FileSystemStorage
from django.core.management import CommandError, call_command
from django.db import connection

from customers.models import Customer
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory
from uploads.models import FileUpload
from uploads.tasks import process_upload
from uploads.tests.factories import TWO_ROWS


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "overdue.csv"
    path.write_text(TWO_ROWS)
    return path


def run(*arguments: object) -> tuple[str, int]:
    """Return what the command printed, and its exit code."""
    out = StringIO()
    try:
        call_command(
            "import_customers", *map(str, arguments), stdout=out, stderr=StringIO()
        )
    except SystemExit as exc:
        return out.getvalue(), int(exc.code or 0)
    return out.getvalue(), 0


@pytest.mark.django_db
@pytest.mark.parametrize("by", ["pk", "slug"])
def test_a_file_is_loaded_here_for_a_tenant_by_id_or_slug(file: Path, by: str) -> None:
    tenant = TenantFactory.create()

    printed, code = run(file, "--tenant", getattr(tenant, by), "--here")

    assert code == 0
    assert printed == "Upload completed: 2 successful, 0 failed\n"
    assert Customer.objects.filter(tenant=tenant).count() == 2


class DroppingStorage(FileSystemStorage):
    """A storage that does not answer now and then."""

    failures: ClassVar[int]

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        if type(self).failures:
            type(self).failures -= 1
            raise OSError(5, "Input/output error")
        return super()._open(name, mode)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("failures", "told"),
    [
        (1, "Upload completed: 2 successful, 0 failed"),
        (9, "Upload failed: [csv_parse] The file could not be read in 5 attempts"),
    ],
)
def test_here_a_file_that_could_not_be_read_is_read_again(
    file: Path, settings, failures: int, told: str
) -> None:
    backend = f"{__name__}.{DroppingStorage.__name__}"
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": backend}}
    DroppingStorage.failures = failures

    printed, _ = run(file, "--tenant", TenantFactory.create().slug, "--here")

    assert printed.startswith(told)


@pytest.mark.django_db
def test_refused_rows_are_counted_by_their_reason_and_told_by_the_exit_code(
    file: Path,
) -> None:
    file.write_text(TWO_ROWS + "Meera,12,5\nUma,9.19E+11,5\nKiran,13,5\n")
    tenant = TenantFactory.create()

    printed, code = run(file, "--tenant", tenant.slug, "--here")
    _, allowed = run(
        file, "--tenant", tenant.slug, "--here", "--allow-failed", "--again"
    )

    assert (code, allowed) == (1, 0)
    assert "2 rows  Mobile: The phone number has too few digits. (first in line 4)" in (
        printed
    )
    assert printed.endswith("Upload completed: 2 successful, 3 failed\n")


@pytest.mark.django_db
def test_a_program_gets_json(file: Path) -> None:
    file.write_text(TWO_ROWS + "Meera,12,5\n")

    printed, code = run(
        file, "--tenant", TenantFactory.create().slug, "--here", "--json"
    )

    result = json.loads(printed)
    assert code == 1
    assert (result["status"], result["total"], result["failed"]) == ("completed", 3, 1)
    assert result["issues"][0]["code"] == "phone_too_short"
    assert result["issues"][0]["first_line"] == 4


@pytest.mark.django_db
def test_a_file_that_cannot_be_read_says_why(file: Path) -> None:
    file.write_bytes(b"PK\x03\x04")

    printed, code = run(
        file, "--tenant", TenantFactory.create().slug, "--here", "--allow-failed"
    )

    assert code == 1
    assert "Upload failed: [csv_parse] This workbook is damaged" in printed


@pytest.mark.django_db
def test_a_tenant_that_is_not_there_is_said_with_those_that_are(file: Path) -> None:
    with pytest.raises(CommandError, match=r"no tenant 'nobody'.*1 \(default\)"):
        run(file, "--tenant", "nobody", "--here")

    assert not FileUpload.objects.exists()


@pytest.mark.django_db
def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.csv", tmp_path):
        with pytest.raises(CommandError, match="cannot be opened"):
            run(path, "--tenant", "1", "--here")

    assert not FileUpload.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_without_here_it_follows_what_a_worker_does(file: Path) -> None:
    tenant = Tenant.objects.create(name="Lender", slug="lender")

    def be_the_worker() -> None:
        try:
            while not FileUpload.objects.exists():
                pause.wait(0.02)
            process_upload(FileUpload.objects.get().pk)
        finally:
            connection.close()

    pause = threading.Event()
    worker = threading.Thread(target=be_the_worker)
    worker.start()
    printed, code = run(file, "--tenant", tenant.pk)
    worker.join()

    assert code == 0
    assert printed == "Upload completed: 2 successful, 0 failed\n"
