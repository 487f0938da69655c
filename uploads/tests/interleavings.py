"""Staff, workers and faults at one time, in any order; and what must hold afterwards.

Everybody is a thread with a connection of its own to the real PostgreSQL. Each file
has two columns of phones and names only the row it is in, so that its entries tell
which row they are of and by which columns they were read.
"""

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from config.erasure import erase_person
from customers.comparing import compare_uploads
from customers.models import Customer
from tenants.models import Tenant
from tenants.tests.factories import TenantFactory
from uploads.choices import Choices, header_fingerprint
from uploads.encodings import UnreadableFile
from uploads.erasing import StillLoading
from uploads.file_processes import NotReadNow
from uploads.models import FileUpload, RowIssue, UploadPart
from uploads.processing import finish_upload, load_next_part
from uploads.reader import ROWS_A_PART
from uploads.reading import read_next_upload, read_upload
from uploads.retention import purge_files
from uploads.reviewing import OpenQuestions, choose, start
from uploads.services import (
    cancel_upload,
    create_upload,
    pause_upload,
    resume_upload,
    retry_upload,
)
from uploads.undoing import undo_upload

Status = FileUpload.Status
_OPEN = (Status.PENDING, Status.PROCESSING)
_UNFINISHED = (*_OPEN, Status.REVIEW, Status.PAUSED)
_OVER = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)

WORKERS, CLERKS = 2, 3
_FILES_AT_ONCE = 4  # of a tenant
_BAD_EVERY = 7  # rows
# By its name the first is the customer's phone.
_COLUMNS = ("Mobile", "Kin")
_STARTS = {"Mobile": "+9198", "Kin": "+9190"}
# What is refused, or lost to another, is the business of whoever asked.
_REFUSED = (OpenQuestions, NotReadNow, UnreadableFile, StillLoading, FileNotFoundError)
_TORN_DOWN = (DatabaseError, InterfaceError)


@dataclass
class Sent:
    """A file as it was sent, and what was confirmed of it."""

    upload_id: int
    tenant: Tenant
    headers: list[str]
    row_count: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    chosen: str = ""  # the column of phones that was last chosen at its review
    confirmed: str = ""  # that with which it was started


class World:
    """Who acts on which files, by dice."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.tenants = [TenantFactory.create() for _ in range(2)]
        self.clerk = User.objects.create_superuser(f"clerk-{seed}")
        self.files: list[Sent] = []
        self.acts: Counter[str] = Counter()
        self.failures: list[BaseException] = []
        self._stop = threading.Event()
        self._backends: dict[int, int] = {}  # of workers, by thread

    def run(self, seconds: float) -> None:
        """Let everybody act for so long, then have what is left worked off."""
        until = time.monotonic() + seconds
        people = [
            threading.Thread(target=self._live, args=(act, self.dice.random()))
            for act in [self._work] * WORKERS + [self._act] * CLERKS + [self._break]
        ]
        for person in people:
            person.start()
        while time.monotonic() < until and not self.failures:
            time.sleep(0.05)
        self._stop.set()
        for person in people:
            person.join()
        if self.failures:
            raise self.failures[0]
        self._work_off()

    def _live(self, act: Callable[[random.Random], None], seed: float) -> None:
        dice = random.Random(seed)
        try:
            while not self._stop.is_set():
                with contextlib.suppress(*_REFUSED):
                    try:
                        act(dice)
                    except _TORN_DOWN:
                        connection.close()  # another backend serves it from now on
        except BaseException as exc:
            self.failures.append(exc)
        finally:
            connection.close()

    def _work(self, dice: random.Random) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            self._backends[threading.get_ident()] = cursor.fetchone()[0]
        read = None
        if dice.random() < 0.5:
            read = read_next_upload(now=timezone.now())
        elif sent := self._any(dice, *_OPEN):
            # As a worker that is woken for it, whether or not another has begun.
            read = read_upload(upload_id=sent.upload_id, now=timezone.now())
        if not load_next_part(now=timezone.now()) and not read:
            time.sleep(0.005)
        if sent := self._any(dice):
            finish_upload(upload_id=sent.upload_id, now=timezone.now())

    def _break(self, dice: random.Random) -> None:
        """Take a worker's connection away, in the middle of whatever it does."""
        time.sleep(dice.uniform(0.1, 1.2))
        if self._backends:
            pid = dice.choice(list(self._backends.values()))
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE pid = %s AND datname = current_database()",
                    [pid],
                )
            self.acts["broken"] += 1

    def _act(self, dice: random.Random) -> None:
        names = [*_ACTS]
        name = dice.choices(names, [_ACTS[name] for name in names])[0]
        done = getattr(self, f"_{name}")(dice)
        self.acts[name] += bool(done)
        time.sleep(dice.uniform(0, 0.02))

    def _any(self, dice: random.Random, *statuses: str) -> Sent | None:
        """Return one of the files, as a rule one that stands so at this moment."""
        files = self.files[:]
        if statuses and dice.random() < 0.9:
            ids = set(
                FileUpload.objects.filter(status__in=statuses)
                .order_by()
                .values_list("pk", flat=True)
            )
            files = [sent for sent in files if sent.upload_id in ids]
        return dice.choice(files) if files else None

    def _send(self, dice: random.Random) -> bool:
        tenant = dice.choice(self.tenants)
        unfinished = FileUpload.objects.filter(tenant=tenant, status__in=_UNFINISHED)
        if unfinished.count() >= _FILES_AT_ONCE:
            return False
        others = [sent for sent in self.files if sent.tenant == tenant]
        parent = dice.choice(others) if others and dice.random() < 0.2 else None
        number = len(self.files) * 1000 + dice.randrange(1000)
        # Of a known layout at times, of one of its own at others.
        note = f"Note {dice.choice([1, number])}"
        headers = parent.headers if parent else ["Name", *_COLUMNS, note]
        row_count = dice.choice([3, 15, 15, 15, 2 * ROWS_A_PART + 500])
        upload = create_upload(
            tenant=tenant,
            file=ContentFile(_content(headers, number, row_count)),
            name=f"{number}.csv",
            uploaded_by=self.clerk,
            now=timezone.now(),
            parent=parent and FileUpload.objects.get(pk=parent.upload_id),
            review=dice.choices([*FileUpload.Review][:3], [1, 2, 3])[0],
            queue=False,
        )
        self.files.append(Sent(upload.pk, tenant, headers, row_count))
        return True

    def _decide(self, dice: random.Random) -> bool:
        """Say which column is the phone, and start it, unless others are about it."""
        sent = self._any(dice, Status.REVIEW)
        if sent is None:
            return False
        with sent.lock:
            if dice.random() < 0.8:
                column = dice.choice(_COLUMNS)
                place = sent.headers.index(column)
                choices = Choices(
                    header=header_fingerprint(sent.headers),
                    meanings={0: "full_name", place: "primary_phone"},
                )
                now = timezone.now()
                if choose(upload_id=sent.upload_id, choices=choices, now=now):
                    sent.chosen = column
            started = start(upload_id=sent.upload_id, by=self.clerk, now=timezone.now())
            if started:
                sent.confirmed = sent.chosen
        return started

    def _pause(self, dice: random.Random) -> bool:
        return self._to(dice, pause_upload, *_OPEN)

    def _resume(self, dice: random.Random) -> bool:
        return self._to(dice, resume_upload, Status.PAUSED)

    def _cancel(self, dice: random.Random) -> bool:
        return self._to(dice, cancel_upload, *_UNFINISHED)

    def _retry(self, dice: random.Random) -> bool:
        return self._to(dice, retry_upload, Status.FAILED)

    def _undo(self, dice: random.Random) -> bool:
        return self._to(dice, undo_upload, *_OVER)

    def _fail(self, dice: random.Random) -> bool:
        """Fail an upload as the watchdog does, that kills whoever takes too long."""
        if sent := self._any(dice, *_OPEN):
            upload = FileUpload.objects.get(pk=sent.upload_id)
            return upload.mark_failed(
                stage=FileUpload.Stage(upload.stage),
                message="It took too long.",
                now=timezone.now(),
            )
        return False

    def _to(self, dice: random.Random, act: Callable[..., Any], *statuses: str) -> bool:
        sent = self._any(dice, *statuses)
        return bool(
            sent and act(upload_id=sent.upload_id, by=self.clerk, now=timezone.now())
        )

    def _purge(self, dice: random.Random) -> bool:
        tomorrow = timezone.now() + timedelta(days=2)
        tenant = dice.choice(self.tenants)
        return bool(purge_files(days=1, now=tomorrow, tenant_id=tenant.pk))

    def _erase(self, dice: random.Random) -> bool:
        tenant = dice.choice(self.tenants)
        # Refused while a file of the tenant is being loaded.
        for sent in self.files[:]:
            if sent.tenant == tenant:
                pause_upload(
                    upload_id=sent.upload_id, by=self.clerk, now=timezone.now()
                )
        phones = Customer.objects.filter(tenant=tenant).order_by("row_number")
        phone = phones.values_list("primary_phone", flat=True).first()
        if phone is None:
            return False
        erase_person(tenant=tenant, phone=phone.lstrip("+"), now=timezone.now())
        return True

    def _compare(self, dice: random.Random) -> bool:
        tenant = dice.choice(self.tenants)
        over = list(FileUpload.objects.filter(tenant=tenant, status=Status.COMPLETED))
        if len(over) < 2:
            return False
        earlier, later = sorted(dice.sample(over, 2), key=lambda upload: upload.pk)
        compare_uploads(
            tenant=tenant,
            earlier_id=earlier.pk,
            later_id=later.pk,
            now=timezone.now(),
        )
        return True

    def _work_off(self) -> None:
        for sent in self.files:
            resume_upload(upload_id=sent.upload_id, by=self.clerk, now=timezone.now())
            # What a dead worker had begun is read again, as the sweep does.
            for _ in range(3):
                read_upload(upload_id=sent.upload_id, now=timezone.now())
                while load_next_part(now=timezone.now(), upload_id=sent.upload_id):
                    pass
                finish_upload(upload_id=sent.upload_id, now=timezone.now())

    def wrongs(self) -> Iterator[str]:
        """Yield what does not hold."""
        known = {sent.upload_id for sent in self.files}
        strange = Customer.objects.exclude(upload_id__in=known)
        if strange.exists():
            yield f"{strange.count()} entries of no file"
        for sent in self.files:
            upload = FileUpload.objects.get(pk=sent.upload_id)
            for wrong in _wrongs_of(upload, sent):
                yield f"upload {upload.pk} ({upload.status}): {wrong}"
        kept = {name for tenant in self.tenants for name in _kept(tenant)}
        told = set()
        for upload in FileUpload.objects.exclude(file=""):
            told |= {str(upload.file.name), upload.rows_file}
        if kept - told:
            yield f"files without a row: {kept - told}"
        if told - kept:
            yield f"rows without a file: {told - kept}"


# How often each is done, against each other.
_ACTS = {
    "send": 20,
    "decide": 20,
    "pause": 4,
    "resume": 8,
    "cancel": 1,
    "fail": 2,
    "retry": 8,
    "undo": 1,
    "purge": 2,
    "erase": 2,
    "compare": 1,
}


def _content(headers: list[str], number: int, row_count: int) -> bytes:
    lines = [",".join(headers)]
    for row in range(row_count):
        tail = f"{(number * 7 + row) % 10**8:08}"
        cells = {
            "Name": f"Asha {number} {'' if row % _BAD_EVERY else 'x'}",
            "Mobile": f"98{tail}" if row % _BAD_EVERY else "98",
            "Kin": f"90{tail}" if row % _BAD_EVERY else "90",
        }
        lines.append(",".join(cells.get(header, "") for header in headers))
    return "\n".join(lines).encode()


def _wrongs_of(upload: FileUpload, sent: Sent) -> Iterator[str]:
    entries = Customer.objects.filter(upload_id=upload.pk)
    rows = list(entries.values_list("row_number", flat=True))
    refused = set(RowIssue.objects.filter(upload=upload).values_list("line", flat=True))
    if len(rows) != len(set(rows)):
        yield f"{len(rows) - len(set(rows))} rows are there twice"
    if both := set(rows) & refused:
        yield f"{len(both)} rows are there and refused"
    columns = {
        column
        for column, begins in _STARTS.items()
        if entries.filter(primary_phone__startswith=begins).exists()
    }
    if len(columns) > 1:
        yield "its phones are of two columns"
    if sent.confirmed and columns - {sent.confirmed}:
        yield f"its phones are those of {columns}, confirmed was {sent.confirmed}"
    if entries.exclude(tenant=sent.tenant).exists():
        yield "entries of another tenant"
    if upload.status == Status.UNDONE:
        if rows:
            yield f"{len(rows)} entries after the undo"
        return
    parts = list(UploadPart.objects.filter(upload=upload))
    done = [part for part in parts if part.status == UploadPart.Status.DONE]
    lines = {
        line
        for part in done
        for line in range(part.first_line, part.first_line + part.row_count)
    }
    if {*rows, *refused} - lines:
        yield "entries or issues of parts that are not loaded"
    if not upload.erased_rows and {*rows, *refused} != lines:
        yield f"{len(lines - {*rows, *refused})} rows of loaded parts are missing"
    counts = (upload.succeeded_rows, upload.failed_rows)
    if counts != (
        sum(part.succeeded_rows for part in done),
        sum(part.failed_rows for part in done),
    ):
        yield f"its counts {counts} are not those of its parts"
    if upload.succeeded_rows - upload.erased_rows != len(rows):
        yield (
            f"{len(rows)} entries, {upload.succeeded_rows} counted, "
            f"{upload.erased_rows} of them erased"
        )
    if upload.status == Status.COMPLETED:
        if lines != set(range(2, sent.row_count + 2)):
            yield f"{len(lines)} of {sent.row_count} rows"
    elif upload.status in (Status.PENDING, Status.PROCESSING, Status.PAUSED):
        yield "it was not worked off"
    elif upload.status == Status.REVIEW and done:
        yield "parts were loaded before its review"


def _kept(tenant: Tenant) -> list[str]:
    folder = f"uploads/{tenant.pk}"
    with contextlib.suppress(FileNotFoundError):
        return [f"{folder}/{name}" for name in default_storage.listdir(folder)[1]]
    return []
