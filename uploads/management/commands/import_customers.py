"""Send a customer file in from the command line and follow it to its end."""

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError
from django.utils import timezone

from customers.search_index import index_next_lines
from tenants.command_options import tenant_named
from tenants.models import Tenant
from uploads.acts import record_act
from uploads.file_processes import NotReadNow
from uploads.guard import guarded
from uploads.loaded_before import question
from uploads.models import FileUpload, UploadAct
from uploads.processing import finish_upload, load_next_part
from uploads.progress import group_issues, progress_of
from uploads.quota import QuotaExceeded
from uploads.reading import read_upload
from uploads.rejected_files import RowsGone, rejected_file
from uploads.services import create_upload, find_twin

_LOOK_EVERY_SECONDS = 0.3
_BAR_WIDTH = 30
# As a shell says it of a program that Ctrl-C ended.
_INTERRUPTED = 130
# Somebody has to answer before it is loaded.
_WAITS = 2
_REVIEW = FileUpload.Status.REVIEW
# The sweep takes up what the bell did not announce within this; then nobody will.
_WORKER_EXPECTED_SECONDS = 45


class Command(BaseCommand):
    help = (
        "Load a customer file. Exits with 1 when rows of it failed, unless "
        "--allow-failed is given; with 2 when the same file was loaded before, unless "
        "--again is given: then it waits for its review."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--tenant", required=True, help="id or slug")
        parser.add_argument(
            "--here",
            action="store_true",
            help="do the work in this process, without a worker",
        )
        parser.add_argument(
            "--allow-failed", action="store_true", help="exit with 0 though rows failed"
        )
        parser.add_argument(
            "--again",
            action="store_true",
            help="load it although the same file was loaded before",
        )
        parser.add_argument(
            "--rejected",
            type=Path,
            metavar="FILE",
            help="write the refused rows there, to be mended and sent again",
        )
        parser.add_argument(
            "--corrects",
            type=int,
            metavar="UPLOAD",
            help="the upload whose refused rows this file brings, mended",
        )
        parser.add_argument(
            "--hidden-rows",
            choices=["refuse", "load"],
            default="refuse",
            help="what becomes of rows that a workbook's filter or group hides",
        )
        parser.add_argument(
            "--json", action="store_true", help="print the result for programs"
        )

    def handle(self, *, file: Path, tenant: str, here: bool, **options: Any) -> None:
        owner = tenant_named(tenant)
        parent = _find_parent(options["corrects"], owner)
        try:
            with file.open("rb") as opened:
                upload = create_upload(
                    tenant=owner,
                    file=File(opened),
                    name=file.name,
                    uploaded_by=None,
                    now=timezone.now(),
                    parent=parent,
                    queue=not here,
                    again=options["again"],
                    loads_hidden=options["hidden_rows"] == "load",
                )
        except OSError as exc:
            raise CommandError(f"{file} cannot be opened: {exc.strerror}.") from exc
        except QuotaExceeded as exc:
            raise CommandError(str(exc)) from exc
        self.quiet = options["json"]
        self._tell(f"Upload {upload.pk} of {owner.name}.")
        if twin := find_twin(upload):
            self._tell(f"The same file came before, as upload {twin.pk}.")
        try:
            self._work(upload) if here else self._watch(upload)
        except OperationalError as exc:
            raise CommandError(
                f"The database went away; upload {upload.pk} is carried on by the "
                f"workers when it is back. ({exc})"
            ) from exc
        except KeyboardInterrupt:
            raise CommandError(
                _interrupted(upload, here=here), returncode=_INTERRUPTED
            ) from None
        self._report(upload, as_json=options["json"])
        if upload.status == FileUpload.Status.REVIEW:
            raise CommandError(_waits(upload), returncode=_WAITS)
        if upload.failed_rows:
            self._hand_back(upload, options["rejected"])
        failed = upload.failed_rows and not options["allow_failed"]
        if failed or upload.status != FileUpload.Status.COMPLETED:
            raise SystemExit(1)

    def _work(self, upload: FileUpload) -> None:
        """Do what a worker does, beside any worker that does it too."""
        with guarded():
            while not self._is_over(upload) and upload.status != _REVIEW:
                # A file that could not be read is read again: as often as a worker
                # would, then the upload fails.
                if not (
                    read_upload(upload_id=upload.pk, now=timezone.now())
                    or load_next_part(now=timezone.now(), upload_id=upload.pk)
                    or finish_upload(upload_id=upload.pk, now=timezone.now())
                ):
                    time.sleep(_LOOK_EVERY_SECONDS)
            while index_next_lines(now=timezone.now(), upload_id=upload.pk):
                pass

    def _watch(self, upload: FileUpload) -> None:
        """Follow what the workers do."""
        reminder_at = time.monotonic() + _WORKER_EXPECTED_SECONDS
        while not self._is_over(upload) and upload.status != _REVIEW:
            waiting = upload.status == FileUpload.Status.PENDING
            if waiting and time.monotonic() > reminder_at:
                reminder_at += _WORKER_EXPECTED_SECONDS
                self._tell(
                    "No worker has taken it up yet: is one running? --here does the "
                    "work in this process."
                )
            time.sleep(_LOOK_EVERY_SECONDS)

    def _is_over(self, upload: FileUpload) -> bool:
        upload.refresh_from_db()
        progress = progress_of(upload, now=timezone.now())
        if not self.quiet and self.stderr.isatty():
            full = _BAR_WIDTH * progress.percent // 100
            left = f", {progress.seconds_left} s left" if progress.seconds_left else ""
            self.stderr.write(
                f"\r[{'#' * full}{'.' * (_BAR_WIDTH - full)}] {progress.percent:3} % "
                f"{progress.done}/{progress.total} rows, "
                f"{progress.rows_per_second} rows/s{left}   ",
                ending="\n" if upload.is_over else "",
            )
        return upload.is_over

    def _report(self, upload: FileUpload, *, as_json: bool) -> None:
        groups = group_issues(upload)
        if as_json:
            result = {
                "id": upload.pk,
                "status": upload.status,
                "stage": upload.stage,
                "error": upload.error,
                "total": upload.total_rows,
                "succeeded": upload.succeeded_rows,
                "failed": upload.failed_rows,
                "notices": upload.notices,
                "issues": [
                    {"code": group.code, "column": group.column_name,
                     "message": group.message, "rows": group.count,
                     "first_line": group.first_line}
                    for group in groups
                ],
            }  # fmt: skip
            self.stdout.write(json.dumps(result, ensure_ascii=False, indent=2))
            return
        for notice in upload.notices:
            self.stdout.write(notice)
        for group in groups:
            where = f"{group.column_name}: " if group.column_name else ""
            self.stdout.write(
                f"{group.count:>8} rows  {where}{group.message} "
                f"(first in line {group.first_line})"
            )
        self.stdout.write(upload.sentence)

    def _hand_back(self, upload: FileUpload, to: Path | None) -> None:
        """Write the refused rows to a file, or say how they are had."""
        if to is None:
            self._tell(
                f"The refused rows: on the page of upload {upload.pk} in the admin; "
                "--rejected FILE writes them next time."
            )
            return
        try:
            with to.open("wb") as file:
                file.writelines(rejected_file(upload).chunks)
        except OSError as exc:
            raise CommandError(
                f"The refused rows cannot be written to {to}: {exc.strerror}."
            ) from exc
        except (NotReadNow, RowsGone) as exc:
            raise CommandError(str(exc)) from exc
        record_act(
            upload.pk,
            UploadAct.Act.EXPORTED,
            by=None,
            at=timezone.now(),
            row_count=upload.failed_rows,
        )
        self._tell(f"The {upload.failed_rows} refused rows are in {to}.")

    def _tell(self, sentence: str) -> None:
        if not self.quiet:
            self.stderr.write(sentence, self.style.NOTICE)


def _waits(upload: FileUpload) -> str:
    asked = f"{question(upload.loaded_before)} " if upload.loaded_before else ""
    return (
        f"{asked}Nothing of upload {upload.pk} is loaded: it waits for its review. "
        "Start it on its page in the admin, or cancel it there and send the file with "
        "--again."
    )


def _interrupted(upload: FileUpload, *, here: bool) -> str:
    goes_on = f"Stopped looking: upload {upload.pk} goes on without this window."
    if here:
        goes_on = (
            f"Stopped: what upload {upload.pk} has loaded is kept, and a running "
            "worker or the next sweep goes on with it by itself."
        )
    return f"{goes_on} To end it, cancel it on its page in the admin."


def _find_parent(pk: int | None, owner: Tenant) -> FileUpload | None:
    if pk is None:
        return None
    parent = FileUpload.objects.filter(pk=pk, tenant=owner).first()
    if parent is None:
        raise CommandError(f"{owner.name} has no upload {pk} to be corrected.")
    return parent
