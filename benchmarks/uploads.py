"""What the loader of customer files is worth, against other ways in the same run."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.core.files import File
from django.db import connection
from django.utils import timezone

from benchmarks.portfolio import write_portfolio
from benchmarks.programs import running_worker
from customers.models import Customer
from tenants.models import Tenant
from uploads.models import FileUpload, RowIssue
from uploads.services import create_upload

ROWS = 1_000_000
WARM_UP_ROWS = 2_000
IMPORT_EXPORT_ROWS = 20_000

_CHUNK = 1 << 18
_PATIENCE_SECONDS = 1_800
_LOOK_SECONDS = 0.2  # more often, and looking would take a processor's time


@dataclass(frozen=True, slots=True)
class Loaded:
    """One way's load of a file."""

    rows: int
    seconds: float
    peaks: tuple[float, ...] = ()  # MB of each worker's process

    @property
    def rate(self) -> float:
        return self.rows / self.seconds


def write_files(folder: Path, *, rows: int) -> tuple[Path, Path]:
    """Write a file to be loaded, and a small one that wakes the workers."""
    small, big = folder / "small.csv", folder / "big.csv"
    for file, count in ((small, WARM_UP_ROWS), (big, rows)):
        with file.open("wb") as target:
            write_portfolio(target, rows=count)
    return small, big


def load_by_workers(small: Path, big: Path, *, workers: int, log: Path) -> Loaded:
    """Load a file by Celery's workers; the table holds it alone afterwards."""
    with running_worker(log, processes=workers) as pid:
        _load(small)
        empty()
        upload, seconds = _load(big)
        peaks = tuple(sorted(_peaks(pid), reverse=True)[:workers])
    return Loaded(rows=upload.total_rows, seconds=seconds, peaks=peaks)


def copy_ready_rows(folder: Path) -> Loaded:
    """Take the rows of the table out, and COPY them in again as they are."""
    ready = folder / "ready.copy"
    with (
        connection.cursor() as cursor,
        ready.open("wb") as out,
        cursor.copy("COPY (SELECT * FROM customers ORDER BY id) TO STDOUT") as rows,
    ):
        for data in rows:
            out.write(data)
    count = Customer.objects.count()
    empty()
    began_at = time.perf_counter()
    with (
        ready.open("rb") as source,
        connection.cursor() as cursor,
        cursor.copy("COPY customers FROM STDIN") as copy,
    ):
        while chunk := source.read(_CHUNK):
            copy.write(chunk)
    seconds = time.perf_counter() - began_at
    if Customer.objects.count() != count:
        raise AssertionError(f"{count} ready rows went in, others came out.")
    ready.unlink()
    return Loaded(rows=count, seconds=seconds)


def empty() -> None:
    """Make the next load find what the last one found: nothing."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE customers, upload_row_issues")
        cursor.execute("CHECKPOINT")


def _load(file: Path) -> tuple[FileUpload, float]:
    """Send a file in as staff do, and wait for its end."""
    tenant, _ = Tenant.objects.get_or_create(slug="bench", defaults={"name": "Bench"})
    began_at = time.perf_counter()
    with file.open("rb") as opened:
        upload = create_upload(
            tenant=tenant,
            file=File(opened),
            name=file.name,
            uploaded_by=None,
            now=timezone.now(),
            again=True,
        )
    while not upload.is_over:
        if time.perf_counter() - began_at > _PATIENCE_SECONDS:
            raise TimeoutError(f"Upload {upload.pk} never ended: {upload.sentence}")
        time.sleep(_LOOK_SECONDS)
        upload.refresh_from_db()
    seconds = time.perf_counter() - began_at
    _check(upload)
    upload.file.delete(save=False)
    return upload, seconds


def _check(upload: FileUpload) -> None:
    """Make sure that the counts are those of the tables, and nothing went missing."""
    good = Customer.objects.filter(upload=upload).count()
    bad = RowIssue.objects.filter(upload=upload).values("line").distinct().count()
    told = (upload.total_rows, upload.succeeded_rows, upload.failed_rows)
    if upload.status != FileUpload.Status.COMPLETED or told != (good + bad, good, bad):
        raise AssertionError(f"{upload.sentence}; the tables hold {good} and {bad}.")


def _peaks(parent: int) -> Iterator[float]:
    """Yield the most memory that each process of a worker ever held, in MB."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(
                line.split(":", 1) for line in status.read_text().splitlines()
            )
        except OSError:
            continue  # it has ended
        if int(fields["PPid"]) == parent and "VmHWM" in fields:
            yield int(fields["VmHWM"].split()[0]) / 1024
