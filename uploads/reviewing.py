"""What an uploader sees of a file before its rows are written, and decides about it."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import BinaryIO, cast

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.files.storage import default_storage
from django.db import transaction

from uploads.acts import record_act
from uploads.bell import ring
from uploads.choices import Choices
from uploads.encodings import Encoding, byte_order_mark
from uploads.layout import Layout, find_layout
from uploads.mappings import deciding_for, find_mapping, remember_mapping
from uploads.models import ColumnMapping, FileUpload, UploadAct
from uploads.preview import Checked, check, first_rows, open_questions, settle

Status, Stage = FileUpload.Status, FileUpload.Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """A file as it would be read, and its first rows."""

    found: Layout  # by the worker that read the whole file
    layout: Layout  # as it was decided since
    checked: Checked
    questions: list[str]
    mapping: ColumnMapping | None  # what the tenant confirmed for this header before


class OpenQuestions(Exception):
    """Rows cannot be loaded yet; the message says what is to be answered."""


def look_at(upload: FileUpload) -> Reviewed:
    """Read the first rows of an upload's file as its choices stand.

    Raises `UnreadableFile` where a choice makes no table of it, and
    `FileNotFoundError` when the kept file is gone.
    """
    found = Layout.of(upload.layout)
    with default_storage.open(upload.rows_file) as opened:
        file = cast(BinaryIO, opened)
        layout = _as_decided(upload, found, file)
        block = first_rows(file, layout)
    layout = settle(layout, block, known=found)
    return Reviewed(
        found=found,
        layout=layout,
        checked=check(
            block,
            layout,
            region=upload.tenant.country.upper(),
            national_id_key=settings.NATIONAL_ID_KEY.encode(),
        ),
        questions=open_questions(layout),
        mapping=find_mapping(tenant_id=upload.tenant_id, headers=layout.headers),
    )


def choose(*, upload_id: int, choices: Choices, now: datetime) -> bool:
    """Keep what was decided; False when the upload waits for no decision any more.

    Raises `UnreadableFile`, and keeps nothing, where it makes no table of the file.
    """
    upload = (
        FileUpload.objects.select_related("tenant")
        .filter(pk=upload_id, status=Status.REVIEW)
        .first()
    )
    if upload is None:
        return False
    upload.choices = choices.as_json()
    look_at(upload)
    return bool(
        FileUpload.objects.filter(pk=upload_id, status=Status.REVIEW).update(
            choices=upload.choices, updated_at=now
        )
    )


@transaction.atomic
def start(*, upload_id: int, by: AbstractBaseUser, now: datetime) -> bool:
    """Confirm what an upload's columns mean, remember it, and load its rows.

    Of two who start it at once, one does; the other is told False. Raises
    `OpenQuestions` when something must be decided before.
    """
    upload = (
        FileUpload.objects.select_for_update(of=("self",), no_key=True)
        .select_related("tenant")
        .filter(pk=upload_id, status=Status.REVIEW)
        .first()
    )
    if upload is None:
        return False
    reviewed = look_at(upload)
    if reviewed.questions:
        raise OpenQuestions(" ".join(reviewed.questions))
    remember_mapping(
        tenant_id=upload.tenant_id, layout=reviewed.layout, confirmed_by=by, now=now
    )
    record_act(upload.pk, UploadAct.Act.STARTED, by=by, at=now)
    as_found = _reads_alike(reviewed.layout, reviewed.found)
    upload.status, upload.review = Status.PROCESSING, FileUpload.Review.DONE
    # Else a worker reads the file once more: other columns are dates now, or the
    # records end elsewhere.
    upload.stage = Stage.CUSTOMER_CREATION if as_found else Stage.CSV_PARSE
    upload.attempts, upload.started_at, upload.updated_at = 0, now, now
    upload.save(
        update_fields=[
            "status", "review", "stage", "attempts", "started_at", "updated_at",
        ]
    )  # fmt: skip
    transaction.on_commit(partial(ring, upload.pk))
    return True


def _as_decided(upload: FileUpload, found: Layout, file: BinaryIO) -> Layout:
    choices = Choices.of(upload.choices)
    layout = found
    same = (
        choices.encoding in ("", found.encoding),
        choices.delimiter in ("", found.delimiter),
    )
    if not all(same):
        name = choices.encoding or found.encoding
        encoding = Encoding(
            name,
            bom=byte_order_mark(file) if name == "utf-8" else 0,
            damaged=found.damaged or name != found.encoding,
        )
        layout, _ = find_layout(file, encoding, delimiter=choices.delimiter)
    if choices.are_about(layout):
        return choices.applied_to(layout)
    return layout if layout is found else deciding_for(upload)(layout)


def _reads_alike(layout: Layout, found: Layout) -> bool:
    """Tell whether rows are read as the worker prepared it."""
    return replace(layout, meanings=None, open_dates=()) == replace(
        found, meanings=None, open_dates=()
    ) and (layout.columns().fields == found.columns().fields)
