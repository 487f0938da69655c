"""The review of an upload, for other programs: which column is what, then the start."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import (
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework import serializers
from rest_framework.exceptions import Throttled, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.api_errors import Conflict, StorageFull
from tenants.parameters import shown_name
from uploads import reviewing
from uploads.api import ASK_AGAIN_SECONDS, ONLY_READS, UploadView, WholeUploadSerializer
from uploads.choices import Choices
from uploads.columns import MEANINGS, REQUIRED, told_apart
from uploads.encodings import UnreadableFile
from uploads.file_processes import Busy, NoSpace, NotReadNow
from uploads.models import FileUpload
from uploads.needs import find_needs
from uploads.review_form import ReviewForm

_COLUMN, _DATES = "column_", "dates_"
# Another of these makes another header of the same file.
_OF_THE_FILE = ("encoding", "delimiter")
_NAMED_MOST = 20
_NO_PART = (
    "No part of a mapping. Possible: columns, date_orders, choices, again, start."
)
_CHANGED = "Somebody changed the review of this upload meanwhile: look at it again."


class OptionSerializer(serializers.Serializer[Any]):
    value = serializers.CharField()
    meaning = serializers.CharField(help_text="For people.")


class FieldSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    meaning = serializers.CharField(help_text="For people.")
    # The framework has attributes of these names, and takes fields out of the class.
    required = serializers.BooleanField()  # type: ignore[assignment]


class ColumnSerializer(serializers.Serializer[Any]):
    column = serializers.CharField(help_text="Its name: the header, told apart.")
    field = serializers.CharField(
        allow_null=True,
        help_text="What it is taken for, or proposed; null: kept as it is.",
    )
    note = serializers.CharField(help_text="Why it is to be looked at, if it is.")
    samples = serializers.ListField(
        child=serializers.CharField(), help_text="Some of its cells, ids masked."
    )


class DateOrderSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    order = serializers.CharField(help_text="As it is read if nobody says otherwise.")


class ChoiceSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    # As `required` above.
    label = serializers.CharField(  # type: ignore[assignment]
        help_text="For people."
    )
    value = serializers.CharField(allow_blank=True)
    options = OptionSerializer(many=True)


class MappingSerializer(serializers.Serializer[Any]):
    """What was understood of a file, and what is open."""

    needs = serializers.ListField(child=serializers.CharField())
    questions = serializers.ListField(
        child=serializers.CharField(),
        help_text="What must be answered before the upload can be started.",
    )
    held_for = serializers.ListField(
        child=serializers.CharField(),
        help_text="Why somebody is to look at it, though its header may be known.",
    )
    columns = ColumnSerializer(many=True)
    date_orders = DateOrderSerializer(
        many=True, help_text="Fields in which nothing says what stands first."
    )
    choices = ChoiceSerializer(many=True, help_text="What else can be chosen.")
    known_fields = FieldSerializer(many=True, help_text="What a column can be.")
    rows_checked = serializers.IntegerField()
    rows_refused = serializers.IntegerField(help_text="Of those that were checked.")


class MappingRequestSerializer(serializers.Serializer[Any]):
    columns = serializers.DictField(
        child=serializers.CharField(allow_blank=True, allow_null=True),
        required=False,
        help_text="The field of each column, by its name. The whole mapping: a column "
        "that is left out, or null, is kept as it is. Without it, all stay as they "
        "are proposed.",
    )
    date_orders = serializers.DictField(
        child=serializers.ChoiceField(["day first", "month first"]),
        required=False,
        help_text="By field, where the mapping asks.",
    )
    choices = serializers.DictField(
        child=serializers.CharField(allow_blank=True),
        required=False,
        help_text="What else is chosen, by name: see `choices` of the mapping.",
    )
    again = serializers.BooleanField(
        required=False,
        help_text="With `start`: load it although the same bytes were loaded before.",
    )
    start = serializers.BooleanField(
        required=False,
        help_text="Confirm it, remember it for files of this header, and load the "
        "rows. Without it, it is kept, and the upload waits.",
    )


class UploadMapping(UploadView):
    """How the columns of an upload in review are understood."""

    @extend_schema(
        operation_id="uploads_mapping_retrieve",
        summary="Which column is what, as understood so far, and what is open",
        description="For an upload whose `status` is `review`. The first rows are "
        "read for it, which may take some seconds.",
        responses={
            200: MappingSerializer,
            409: OpenApiResponse(description="The upload waits for no review."),
        },
    )
    def get(self, request: Request, upload_id: int) -> Response:
        upload = self._find_in_review(upload_id)
        with _file_errors():
            return Response(_told(_Draft(upload)))

    @extend_schema(
        operation_id="uploads_mapping_create",
        summary="Say which column is what, and start the upload",
        description="What is wrong or open is a 400 that names the field; then nothing "
        "is kept. With `start` the mapping is remembered for the tenant's files of the "
        "same header, and the answer is the upload itself.",
        request=MappingRequestSerializer,
        responses={
            200: PolymorphicProxySerializer(
                "MappingOrUpload",
                [MappingSerializer, WholeUploadSerializer],
                resource_type_field_name=None,
            ),
            400: OpenApiResponse(
                description="What is wrong or open, field by field, in sentences."
            ),
            403: ONLY_READS,
            409: OpenApiResponse(
                description="The upload waits for no review, or somebody else "
                "decided meanwhile."
            ),
        },
    )
    def post(self, request: Request, upload_id: int) -> Response:
        upload = self._find_in_review(upload_id)
        sent = MappingRequestSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        unknown = {name: [_NO_PART] for name in request.data if name not in sent.fields}
        if unknown:
            raise ValidationError(
                {shown_name(name): text for name, text in unknown.items()}
            )
        asked = sent.validated_data
        now, starts = timezone.now(), asked.get("start", False)
        with _file_errors():
            draft = _Draft(upload)
            draft.take_all(asked)
            choices = draft.choices()
            if starts:
                draft.refuse_open(asked.get("date_orders", {}))
            if not reviewing.choose(upload_id=upload.pk, choices=choices, now=now):
                raise Conflict(_CHANGED)
            if not starts:
                return Response(_told(draft))
            try:
                started = reviewing.start(
                    upload_id=upload.pk,
                    by=self.client,
                    now=now,
                    choices=choices,
                    again=asked.get("again", False),
                )
            except reviewing.OpenQuestions as exc:
                raise Conflict(str(exc)) from exc
        if not started:
            raise Conflict(_CHANGED)
        return self.answer(self.find(upload_id))

    def _find_in_review(self, upload_id: int) -> FileUpload:
        upload = self.find(upload_id)
        if upload.status == FileUpload.Status.REVIEW:
            return upload
        if upload.pk in find_needs([upload]):
            raise Conflict(
                "This upload failed for its columns: retry it. Once its file was read "
                "again it waits in review, and its mapping is here."
            )
        raise Conflict(
            f"This upload is {upload.status}: its columns are not asked about."
        )


class _Draft:
    """What a program chooses at a review, checked as the page's form checks it.

    Kept by nobody until `reviewing.choose` does.
    """

    def __init__(self, upload: FileUpload) -> None:
        self.upload = upload
        self._look()

    def take_all(self, asked: Mapping[str, Any]) -> None:
        """Take what was sent; raises ValidationError with a sentence for each field."""
        others = {name: str(one) for name, one in asked.get("choices", {}).items()}
        of_the_file = {
            name: one
            for name, one in others.items()
            if name in _OF_THE_FILE and name in self.form.fields
        }
        self._take(of_the_file, "choices")
        if "columns" in asked:
            self._take_columns(asked["columns"])
        if dates := asked.get("date_orders"):
            if closed := dates.keys() - self.open_dates():
                raise _refusal(
                    "date_orders",
                    closed,
                    "is no field whose dates are open",
                    self.open_dates(),
                )
            self._take(
                {f"{_DATES}{name}": one for name, one in dates.items()}, "date_orders"
            )
        # Columns may have brought others.
        if unknown := others.keys() - self._others():
            raise _refusal(
                "choices", unknown, "is no choice of this file", self._others()
            )
        self._take(others, "choices")

    def choices(self) -> Choices:
        return self._bound("choices").choices()

    def refuse_open(self, dates: Mapping[str, str]) -> None:
        """Raise ValidationError for what must be said before rows are loaded."""
        mapping = self.reviewed.mapping
        remembered = mapping.date_orders if mapping else {}
        open_dates = [
            f"{name}: nothing in the file says whether day or month stands first. Say "
            "“day first” or “month first”."
            for name in self.open_dates()
            if name not in dates and name not in remembered
        ]
        errors = {"columns": self.reviewed.questions, "date_orders": open_dates}
        if any(errors.values()):
            raise ValidationError({name: all_ for name, all_ in errors.items() if all_})

    def names(self) -> dict[str, str]:
        """Return the form's field of each column by what the column is called."""
        return {
            told_apart(self.reviewed.layout.headers, int(name.removeprefix(_COLUMN))): (
                name
            )
            for name in self.form.fields
            if name.startswith(_COLUMN)
        }

    def open_dates(self) -> list[str]:
        return [
            name.removeprefix(_DATES)
            for name in self.form.fields
            if name.startswith(_DATES)
        ]

    def _others(self) -> list[str]:
        return [
            name for name in self.form.fields if not name.startswith((_COLUMN, _DATES))
        ]

    def _take_columns(self, columns: Mapping[str, str | None]) -> None:
        names = self.names()
        if unknown := columns.keys() - names.keys():
            raise _refusal("columns", unknown, "is no column of this file", names)
        wrong = [
            f"“{shown_name(name)}”: “{shown_name(field)}” is no field. Possible: "
            f"{', '.join(MEANINGS)}; null keeps the column as it is."
            for name, field in columns.items()
            if field and field not in MEANINGS
        ]
        if wrong:
            raise ValidationError({"columns": wrong})
        chosen = {key: columns.get(name) or "" for name, key in names.items()}
        self._take(chosen, "columns")

    def _take(self, chosen: Mapping[str, str], field: str) -> None:
        if all(self.values[name] == one for name, one in chosen.items()):
            return
        self.values |= chosen
        self.upload.choices = self._bound(field).choices().as_json()
        # Other columns may be dates, and another delimiter makes other columns.
        self._look()

    def _bound(self, field: str) -> ReviewForm:
        form = ReviewForm(self.values, upload=self.upload, reviewed=self.reviewed)
        if form.is_valid():
            return form
        raise ValidationError(
            {
                field: [
                    f"{name}: “{shown_name(self.values[name])}” is none of "
                    f"{', '.join(value or '(empty)' for value, _ in options)}."
                    for name in form.errors
                    # All fields of the form are choices.
                    for options in [form.fields[name].choices]  # type: ignore[attr-defined]
                ]
            }
        )

    def _look(self) -> None:
        self.reviewed = reviewing.look_at(self.upload)
        self.form = ReviewForm(upload=self.upload, reviewed=self.reviewed)
        self.values = {
            name: str(field.initial or "") for name, field in self.form.fields.items()
        }


def _told(draft: _Draft) -> dict[str, Any]:
    """Return a draft as `MappingSerializer` describes it."""
    upload, reviewed, form = draft.upload, draft.reviewed, draft.form
    checked = reviewed.checked
    return {
        "needs": find_needs([upload]).get(upload.pk, []),
        "questions": reviewed.questions,
        "held_for": reviewed.found.held_for,
        "columns": [
            {
                "column": column.header,
                "field": column.field.initial or None,
                "note": column.note,
                "samples": column.samples,
            }
            for column in form.columns()
        ],
        "date_orders": [
            {"field": name, "order": draft.values[f"{_DATES}{name}"]}
            for name in draft.open_dates()
        ],
        "choices": [
            {
                "name": name,
                "label": str(field.label),
                "value": draft.values[name],
                "options": [
                    {"value": value, "meaning": meaning}
                    # All fields of the form are choices.
                    for value, meaning in field.choices  # type: ignore[attr-defined]
                ],
            }
            for name, field in form.fields.items()
            if not name.startswith((_COLUMN, _DATES))
        ],
        "known_fields": [
            {"field": name, "meaning": label, "required": name in REQUIRED}
            for name, label in MEANINGS.items()
        ],
        "rows_checked": checked.good + checked.bad,
        "rows_refused": checked.bad,
    }


def _refusal(
    field: str, names: Iterable[str], what: str, possible: Iterable[str]
) -> ValidationError:
    listed = ", ".join(list(possible)[:_NAMED_MOST]) or "none"
    return ValidationError(
        {
            field: [
                f"“{shown_name(name)}” {what}. Possible: {listed}."
                for name in sorted(names)[:_NAMED_MOST]
            ]
        }
    )


@contextlib.contextmanager
def _file_errors() -> Iterator[None]:
    """Answer in the API's way what may go wrong when a file is read for an answer."""
    try:
        yield
    except UnreadableFile as exc:
        raise ValidationError(
            {"choices": [f"They do not fit the file. {exc}"]}
        ) from exc
    except FileNotFoundError as exc:
        raise Conflict(
            "The kept file is gone: cancel this upload and send the file again."
        ) from exc
    except Busy as exc:
        raise Throttled(wait=ASK_AGAIN_SECONDS, detail=str(exc)) from exc
    except NoSpace as exc:
        raise StorageFull(str(exc)) from exc
    except NotReadNow as exc:
        raise Conflict(str(exc)) from exc
