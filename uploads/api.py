"""Customer files, for other programs: send one in, follow it, act on it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_field,
    extend_schema_view,
)
from rest_framework import serializers
from rest_framework.exceptions import ParseError, Throttled, ValidationError
from rest_framework.mixins import CreateModelMixin
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access import visible_to_client
from tenants.api_errors import Conflict, StorageFull
from tenants.api_views import TenantList, TenantView
from tenants.models import ApiClient
from tenants.parameters import check_parameters
from uploads import services
from uploads.acts import open_acts
from uploads.choices import Choices
from uploads.file_processes import Busy, NoSpace, TookTooLong
from uploads.loaded_before import find_loaded_before, question
from uploads.models import FileUpload, RowIssue
from uploads.needs import Need, find_needs
from uploads.progress import group_issues, progress_of
from uploads.quota import QuotaBusy, QuotaExceeded
from uploads.rejected_download import NONE_REFUSED, send_rejected
from uploads.rejected_files import WORKBOOK_TYPE, RowsGone
from uploads.undoing import undo_upload
from uploads.waiting import MOST_COUNTED, FilesQueue, Reason


def _undo(*, upload_id: int, by: ApiClient, now: datetime) -> bool:
    return undo_upload(upload_id=upload_id, by=by, now=now) is not None


ACTS: dict[str, Callable[..., bool]] = {
    "pause": services.pause_upload,
    "resume": services.resume_upload,
    "cancel": services.cancel_upload,
    "retry": services.retry_upload,
    "again": services.load_again,
    "undo": _undo,
}


ASK_AGAIN_SECONDS = 5
ONLY_READS = OpenApiResponse(description="The token may only read.")


class ProgressSerializer(serializers.Serializer[Any]):
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    percent = serializers.IntegerField()
    rows_per_second = serializers.IntegerField()
    seconds_left = serializers.IntegerField(allow_null=True)


class WaitingSerializer(serializers.Serializer[Any]):
    reason = serializers.ChoiceField(
        [*Reason],
        help_text="`no_worker`: none for files was seen of late. `busy`: they work at "
        "other uploads. `turn`: others are before it. `starting`: it is next. `slow`: "
        "a worker is at it and does not get on; it is stopped in time. `stuck`: it was "
        "to be stopped, and is not.",
    )
    seconds = serializers.IntegerField(help_text="For how long it has waited.")
    uploads_before = serializers.IntegerField(
        help_text=f"Uploads that are taken up before it; {MOST_COUNTED + 1} for more."
    )
    worker_seen_at = serializers.DateTimeField(
        allow_null=True, help_text="When a worker for files was last seen."
    )
    sentence = serializers.CharField(help_text="All this, for people.")


class IssueGroupSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    column_name = serializers.CharField()
    message = serializers.CharField()
    count = serializers.IntegerField()
    first_line = serializers.IntegerField()


class UploadSerializer(serializers.ModelSerializer[FileUpload]):
    sentence = serializers.CharField(read_only=True, help_text="How it stands.")
    is_over = serializers.BooleanField(read_only=True)
    acts = serializers.SerializerMethodField(help_text="What can be done with it now.")
    needs = serializers.SerializerMethodField(
        help_text="What has to be answered before it goes on. `mapping`: which column "
        "is what; of an upload that failed for it, after its `retry`. `review`: a look "
        "at what was understood. Both are answered at `mapping/`."
    )
    progress = serializers.SerializerMethodField()
    waiting = serializers.SerializerMethodField(
        help_text="Why it does not get on; null when it does, or need not."
    )

    class Meta:
        model = FileUpload
        fields = [
            "id", "original_name", "size_bytes", "sha256", "parent", "status", "stage",
            "is_over", "sentence", "error", "notices", "total_rows", "succeeded_rows",
            "failed_rows", "acts", "needs", "progress", "waiting", "created_at",
            "started_at", "completed_at", "undone_at",
        ]  # fmt: skip
        read_only_fields = fields
        extra_kwargs = {
            "notices": {"help_text": "Sentences about how the file was read."}
        }

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField([*ACTS])))
    def get_acts(self, upload: FileUpload) -> list[str]:
        return open_acts(upload)

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField([*Need])))
    def get_needs(self, upload: FileUpload) -> list[Need]:
        needs: dict[int, list[Need]] | None = self.context.get("needs")
        if needs is None:
            needs = find_needs([upload])
        return needs.get(upload.pk, [])

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, upload: FileUpload) -> dict[str, Any]:
        now: datetime = self.context["now"]
        return dict(ProgressSerializer(progress_of(upload, now=now)).data)

    @extend_schema_field(WaitingSerializer(allow_null=True))
    def get_waiting(self, upload: FileUpload) -> dict[str, Any] | None:
        queue: FilesQueue = self.context["queue"]
        waiting = queue.find_waiting(upload)
        if waiting is None:
            return None
        zone = ZoneInfo(self.context["timezone"])
        return {
            "reason": waiting.reason,
            "seconds": waiting.seconds,
            "uploads_before": waiting.uploads_before,
            "worker_seen_at": waiting.worker_seen_at,
            "sentence": waiting.sentence(zone=zone, now=queue.now),
        }


class WholeUploadSerializer(UploadSerializer):
    same_file_before = serializers.SerializerMethodField(
        help_text="The last earlier upload of the same bytes."
    )
    loaded_before = serializers.SerializerMethodField(
        help_text="Why it is not loaded unasked: the same bytes were loaded before, or "
        "are being loaded. It waits in `review`; `again` has it loaded. null: no such "
        "question is open."
    )
    issue_groups = serializers.SerializerMethodField(
        help_text="The kinds of refused rows, the most frequent first."
    )

    class Meta(UploadSerializer.Meta):
        fields = [
            *UploadSerializer.Meta.fields, "same_file_before", "loaded_before",
            "issue_groups",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_same_file_before(self, upload: FileUpload) -> int | None:
        twin = services.find_twin(upload)
        return twin.pk if twin else None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_loaded_before(self, upload: FileUpload) -> str | None:
        is_open = upload.status in (FileUpload.Status.PENDING, FileUpload.Status.REVIEW)
        if not is_open or Choices.of(upload.choices).again:
            return None
        before = find_loaded_before(upload)
        return question(before) if before else None

    @extend_schema_field(IssueGroupSerializer(many=True))
    def get_issue_groups(self, upload: FileUpload) -> Any:
        return IssueGroupSerializer(group_issues(upload), many=True).data


class _NumberOrNone(serializers.IntegerField):
    """A number that may be left out; blank, it is none and refused."""

    def get_value(self, dictionary: Any) -> Any:
        return dictionary.get(self.field_name, serializers.empty)


class NewUploadSerializer(serializers.Serializer[Any]):
    file = serializers.FileField(
        help_text="CSV, TSV or an Excel workbook (.xlsx), with a header row."
    )
    # Declared fields are taken out of the class: this hides nothing of the framework's.
    # A serializer has an attribute of this name, and takes fields of it out itself.
    parent = _NumberOrNone(  # type: ignore[assignment]
        required=False,
        help_text="The upload whose refused rows, mended, this file brings.",
    )
    again = serializers.BooleanField(
        default=False,
        help_text="Load it although the same bytes were loaded before. Without it such "
        "a file waits in `review` until somebody says so, here by `again`.",
    )
    hidden_rows = serializers.ChoiceField(
        ["refuse", "load"],
        default="refuse",
        help_text="What becomes of rows that a workbook's filter or group hides.",
    )


class IssueSerializer(serializers.ModelSerializer[RowIssue]):
    class Meta:
        model = RowIssue
        fields = ["line", "column_name", "value_masked", "code", "message"]
        read_only_fields = fields


class UploadView(TenantView[FileUpload]):
    """A view of the tenant's uploads, as they stand at this moment."""

    def get_queryset(self) -> QuerySet[FileUpload]:
        uploads = FileUpload.objects.defer("layout", "choices")
        return self.own(uploads.prefetch_related("work"))

    def get_serializer_context(self) -> dict[str, Any]:
        now = timezone.now()
        return super().get_serializer_context() | {
            "now": now,
            "queue": FilesQueue(now=now),
            "timezone": self.tenant.timezone,
        }

    def find(self, upload_id: int) -> FileUpload:
        return get_object_or_404(self.get_queryset(), pk=upload_id)

    def answer(self, upload: FileUpload, *, status: int = 200) -> Response:
        whole = WholeUploadSerializer(upload, context=self.get_serializer_context())
        return Response(whole.data, status=status)


class UploadList(UploadView, TenantList[FileUpload], CreateModelMixin):
    serializer_class = UploadSerializer
    parser_classes = [MultiPartParser]
    order = ("-id",)

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        self.needs = find_needs(page or ())
        return page

    def get_serializer_context(self) -> dict[str, Any]:
        context = super().get_serializer_context()
        return context | {"needs": getattr(self, "needs", None)}

    @extend_schema(operation_id="uploads_list", summary="Uploads, the newest first")
    def get(self, request: Request) -> Response:
        return self.list(request)

    @extend_schema(
        operation_id="uploads_create",
        summary="Send a customer file in",
        description="It is loaded by workers: follow it at its own address. Bytes that "
        "were loaded before wait in `review`, and `loaded_before` says why, unless "
        "`again` is true: loaded again, they make second dated entries.",
        request=NewUploadSerializer,
        responses={
            201: WholeUploadSerializer,
            400: OpenApiResponse(
                description="What was sent is no file, its `parent` is not there, or "
                "the tenant has no room for it: too many files that are not finished, "
                "or too many bytes kept."
            ),
            403: ONLY_READS,
            429: OpenApiResponse(
                description="Other files of the tenant are being taken in: ask again."
            ),
        },
    )
    def post(self, request: Request) -> Response:
        sent = NewUploadSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        file, parent = sent.validated_data["file"], None
        if (parent_id := sent.validated_data.get("parent")) is not None:
            parent = self.get_queryset().filter(pk=parent_id).first()
            if parent is None:  # or a stranger's, which is the same
                raise ValidationError({"parent": ["No upload has this id."]})
            if not parent.is_over:
                raise ValidationError(
                    {
                        "parent": [
                            f"Upload {parent.pk} is not over: which of its rows were "
                            "refused is known then."
                        ]
                    }
                )
        try:
            upload = services.create_upload(
                tenant=self.tenant,
                file=file,
                name=file.name,
                uploaded_by=self.client,
                parent=parent,
                loads_hidden=sent.validated_data["hidden_rows"] == "load",
                now=timezone.now(),
                again=sent.validated_data["again"],
            )
        except QuotaBusy as exc:
            raise Throttled(wait=ASK_AGAIN_SECONDS, detail=str(exc)) from exc
        except QuotaExceeded as exc:
            raise ValidationError({"file": [str(exc)]}) from exc
        return self.answer(upload, status=201)


class UploadDetail(UploadView):
    serializer_class = WholeUploadSerializer

    @extend_schema(
        operation_id="uploads_retrieve", summary="An upload: how far it is, what failed"
    )
    def get(self, request: Request, upload_id: int) -> Response:
        return self.answer(self.find(upload_id))


@extend_schema_view(
    get=extend_schema(
        operation_id="uploads_issues_list",
        summary="What was wrong with the rows of an upload, from its top",
    )
)
class IssueList(TenantList[RowIssue]):
    serializer_class = IssueSerializer
    order = ("line", "id")

    def get_queryset(self) -> QuerySet[RowIssue]:
        uploads = visible_to_client(FileUpload.objects.all(), client=self.client)
        upload = get_object_or_404(uploads.only("pk"), pk=self.kwargs["upload_id"])
        return RowIssue.objects.filter(upload=upload)


class RejectedRows(UploadView):
    """The refused rows as a file. Who took it stands in the upload's history."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        # `Accept: text/csv` is a fair thing to say here; only errors are JSON.
        return super().perform_content_negotiation(request, force=True)

    @extend_schema(
        operation_id="uploads_rejected",
        summary="The refused rows as a file, to be mended and sent again",
        description="The file's own columns, then `_line` and `_error`; national ids "
        "are masked. CSV is UTF-8 with a byte order mark. Send the mended file in with "
        "this upload as its `parent`.",
        parameters=[
            OpenApiParameter(
                "as",
                enum=["csv"],
                description="`csv`: separated by commas, whatever came. Without it: a "
                "workbook if one came, else CSV with the delimiter of the file.",
            )
        ],
        responses={
            (200, "text/csv"): OpenApiTypes.BINARY,
            (200, WORKBOOK_TYPE): OpenApiTypes.BINARY,
            409: OpenApiResponse(
                description="No row was refused, the kept file or what was wrong with "
                "its rows was deleted, or writing the rows takes too long."
            ),
            429: OpenApiResponse(
                description="Several such files are being written: ask again later."
            ),
        },
    )
    def get(self, request: Request, upload_id: int) -> StreamingHttpResponse:
        upload = self.find(upload_id)
        check_parameters(request.query_params, ["as"])
        kind = request.query_params.get("as")
        if kind not in (None, "csv"):
            raise ParseError("as: csv, or nothing for the kind of file that came.")
        if not upload.failed_rows:
            raise Conflict(NONE_REFUSED)
        try:
            return send_rejected(
                upload,
                by=self.client,
                now=timezone.now(),
                is_look=request.method == "HEAD",
                as_csv=kind == "csv",
            )
        except RowsGone as exc:
            raise Conflict(str(exc)) from exc
        except Busy as exc:
            raise Throttled(wait=ASK_AGAIN_SECONDS, detail=str(exc)) from exc
        except TookTooLong as exc:
            raise Conflict(str(exc)) from exc
        except NoSpace as exc:
            raise StorageFull(str(exc)) from exc


class DoAct(UploadView):
    """One thing that can be done to an upload."""

    act = ""

    @extend_schema(
        summary="Do this with an upload, where its `acts` name it",
        request=None,
        responses={
            200: WholeUploadSerializer,
            403: ONLY_READS,
            409: OpenApiResponse(description="It cannot be done as things stand."),
        },
    )
    def post(self, request: Request, upload_id: int) -> Response:
        try:
            done = self.act in open_acts(self.find(upload_id)) and ACTS[self.act](
                upload_id=upload_id, by=self.client, now=timezone.now()
            )
        except QuotaExceeded as exc:
            raise Conflict(str(exc)) from exc
        upload = self.find(upload_id)
        if self.act == "retry" and upload.is_never_readable and not done:
            raise Conflict(
                "This file holds no table, so trying it again cannot help. "
                f"{upload.error}"
            )
        if not done:  # somebody was quicker, perhaps
            raise Conflict(
                f"This upload is {upload.status}: {self.act} is not possible. "
                f"Possible now: {', '.join(open_acts(upload)) or 'nothing'}."
            )
        return self.answer(upload)
