"""What an uploader sees of a file before its rows are written, and decides about it."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from tempfile import TemporaryFile
from typing import Any, BinaryIO, cast

from django.contrib.auth.models import AbstractBaseUser
from django.core.files.storage import default_storage
from django.db import transaction

from tenants.models import ApiClient
from uploads.acts import record_act
from uploads.bell import ring
from uploads.choices import Choices
from uploads.code_columns import find_codes
from uploads.file_processes import Limits, read_apart
from uploads.layout import Layout
from uploads.loaded_before import find_unanswered, question
from uploads.mappings import deciding_for, find_mapping, remember_mapping
from uploads.models import ColumnMapping, FileUpload, UploadAct, UploadPart
from uploads.preview import Checked

Status, Stage = FileUpload.Status, FileUpload.Stage

# A thousand rows take a tenth of a second, and the process a quarter to start; somebody
# waits for the page.
LIMITS = Limits(seconds=20)
_CHOSEN_ANEW = (
    "Somebody has chosen anew meanwhile what the columns are: look at them, then start."
)


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


class LoadedBefore(OpenQuestions):
    """The same bytes were loaded `before`, and nobody said that this is meant."""

    def __init__(self, before: FileUpload) -> None:
        super().__init__(
            f"{question(before)} Say that this is meant, or cancel this upload."
        )
        self.before = before


def look_at(upload: FileUpload, *, limits: Limits = LIMITS) -> Reviewed:
    """Read the first rows of an upload's file as its choices stand.

    Raises `UnreadableFile` where a choice makes no table of it, `FileNotFoundError`
    when the kept file is gone, and `NotReadNow`. A process of its own reads it.
    """
    found = Layout.of(upload.layout)
    with default_storage.open(upload.rows_file) as opened:
        file = cast(BinaryIO, opened)
        layout = _as_decided(upload, found, file, limits)
        seen = _ask(
            "check_first_rows",
            {
                "layout": layout.as_json(),
                "found": found.as_json(),
                "region": upload.tenant.country.upper(),
                "timezone": upload.tenant.timezone,
            },
            file=file,
            limits=limits,
        )
    layout = Layout.of(seen["layout"])
    return Reviewed(
        found=found,
        layout=layout,
        checked=Checked.of(seen["checked"]),
        questions=seen["questions"],
        mapping=find_mapping(
            tenant_id=upload.tenant_id,
            headers=layout.headers,
            title_unit=layout.title_unit,
        ),
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
    again = Choices.of(upload.choices).again  # is answered once, apart from the form
    upload.choices = replace(choices, again=again).as_json()
    look_at(upload)
    return bool(
        FileUpload.objects.filter(pk=upload_id, status=Status.REVIEW).update(
            choices=upload.choices, updated_at=now
        )
    )


def start(
    *,
    upload_id: int,
    by: AbstractBaseUser | ApiClient,
    now: datetime,
    choices: Choices | None = None,
    again: bool = False,
) -> bool:
    """Confirm what an upload's columns mean, remember it, and load its rows.

    `again`: though the same bytes were loaded before, which is asked about else.

    Of two who start it at once, one does; the other is told False. Raises
    `OpenQuestions` when something must be decided before, also when others decided
    anew meanwhile, or otherwise than `choices`.
    """
    waiting = FileUpload.objects.filter(pk=upload_id, status=Status.REVIEW)
    upload = waiting.select_related("tenant").first()
    if upload is None:
        return False
    kept = Choices.of(upload.choices)
    if choices is not None and kept != replace(choices, again=kept.again):
        raise OpenQuestions(_CHOSEN_ANEW)
    # Before the row is locked: a file takes seconds to read, and whoever cancels the
    # upload meanwhile shall not wait for it.
    reviewed = look_at(upload)
    if reviewed.questions:
        raise OpenQuestions(" ".join(reviewed.questions))
    try:
        return _start_as(reviewed, upload, by=by, now=now, again=again)
    except LoadedBefore as exc:
        # From now on it is asked about, by page and API, whoever started the other.
        unanswered = waiting.exclude(choices__again=True)
        unanswered.update(loaded_before=exc.before, updated_at=now)
        raise


@transaction.atomic
def _start_as(
    reviewed: Reviewed,
    looked_at: FileUpload,
    *,
    by: AbstractBaseUser | ApiClient,
    now: datetime,
    again: bool,
) -> bool:
    """Load an upload's rows as they were looked at, if it stands as it did then."""
    upload = (
        FileUpload.objects.select_for_update(no_key=True)
        .filter(pk=looked_at.pk, status=Status.REVIEW)
        .first()
    )
    if upload is None:
        return False
    if upload.choices != looked_at.choices:
        raise OpenQuestions(_CHOSEN_ANEW)
    as_found = _reads_alike(reviewed.layout, reviewed.found)
    if not as_found and upload.parts.filter(status=UploadPart.Status.DONE).exists():
        raise OpenQuestions(
            "Some rows of this file are loaded already as it was read then: leave its "
            "columns as they were, or cancel it, undo it, and send it again."
        )
    if before := find_unanswered(upload):
        if not again:
            raise LoadedBefore(before)
        upload.choices = {**upload.choices, "again": True}
        record_act(upload.pk, UploadAct.Act.AGAIN, by=by, at=now)
    upload.loaded_before = None
    remember_mapping(
        tenant_id=upload.tenant_id, layout=reviewed.layout, confirmed_by=by, now=now
    )
    record_act(upload.pk, UploadAct.Act.STARTED, by=by, at=now)
    upload.status, upload.review = Status.PROCESSING, FileUpload.Review.DONE
    # Else a worker reads the file once more: other columns are dates now, or the
    # records end elsewhere.
    upload.stage = Stage.CUSTOMER_CREATION if as_found else Stage.CSV_PARSE
    if not as_found:
        upload.begin_new_reading()
    upload.attempts, upload.started_at, upload.updated_at = 0, now, now
    upload.save(
        update_fields=[
            "status", "review", "stage", "reading", "choices", "loaded_before",
            "attempts", "started_at", "updated_at",
        ]
    )  # fmt: skip
    transaction.on_commit(partial(ring, upload.pk))
    return True


def _as_decided(
    upload: FileUpload, found: Layout, file: BinaryIO, limits: Limits
) -> Layout:
    choices = Choices.of(upload.choices)
    found = replace(found, loads_hidden=choices.loads_hidden)
    layout = found
    same = (
        choices.encoding in ("", found.encoding),
        choices.delimiter in ("", found.delimiter),
    )
    if not all(same):
        name = choices.encoding or found.encoding
        laid_out = _ask(
            "lay_out",
            {
                "encoding": name,
                "damaged": found.damaged or name != found.encoding,
                "delimiter": choices.delimiter,
            },
            file=file,
            limits=limits,
        )
        layout = Layout.of(laid_out["layout"])
    if choices.are_about(layout):
        return choices.applied_to(layout)
    return layout if layout is found else deciding_for(upload)(layout)


def _ask(
    act: str, request: dict[str, Any], *, file: BinaryIO, limits: Limits
) -> dict[str, Any]:
    with TemporaryFile() as answer:
        read_apart(
            act, request, file=file, target=cast(BinaryIO, answer), limits=limits
        )
        answer.seek(0)
        told: dict[str, Any] = json.load(answer)
    return told


def _reads_alike(layout: Layout, found: Layout) -> bool:
    """Tell whether rows are read as the worker prepared it."""
    written, prepared = (
        replace(
            one,
            meanings=None,
            open_dates=(),
            told_dates=(),
            held_for=(),
            confirmed=False,
        )
        for one in (layout, found)
    )
    return (written, layout.columns().fields, _codes(layout)) == (
        prepared,
        found.columns().fields,
        _codes(found),
    )


def _codes(layout: Layout) -> dict[str, int]:
    return find_codes(layout.headers, layout.meanings)
