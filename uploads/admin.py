"""Customer files as staff see them: send one in, watch it, read what was refused."""

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from unfold.decorators import display

from customers.list_filters import UploadFilter
from tenants.access import tenants_of
from tenants.row_ids import row_id_of
from tenants.scoped_admin import has_several_tenants
from uploads import services
from uploads.act_admin import page_of, staff_of
from uploads.acts import open_acts
from uploads.comparison_pages import ComparisonPages
from uploads.corrections import count_corrected
from uploads.forms import NewUploadForm
from uploads.guide_admin import GuidePages
from uploads.list_filters import CodeFilter
from uploads.mapping_admin import ColumnMappingAdmin
from uploads.models import ColumnMapping, FileUpload, RowIssue, UploadPart
from uploads.pages import live, local_time, understood_columns
from uploads.progress import count_groups_not_listed, group_issues
from uploads.quota import QuotaExceeded
from uploads.review_admin import ReviewPages, review_context
from uploads.upload_rows_admin import UploadRowsAdmin
from uploads.waiting import FilesQueue, Waiting

Status = FileUpload.Status

admin.site.register(ColumnMapping, ColumnMappingAdmin)


@admin.register(FileUpload)
class FileUploadAdmin(ReviewPages, GuidePages, ComparisonPages):
    """A file is sent in by the form; what becomes of it, workers write.

    Nothing of an upload is ever saved from a form: saving would write back the
    progress as it was when the page was opened. The page asks for it instead.
    """

    list_display = [
        "original_name",
        "tenant",
        "state",
        "rows",
        "good_rows",
        "refused_rows",
        "sent_by",
        "sent_at",
    ]
    list_select_related = ["tenant", "uploaded_by", "uploaded_by_client"]
    list_filter = ["status"]
    search_fields = ["original_name"]
    search_help_text = "The file's name"
    change_form_outer_before_template = "uploads/upload.html"

    class Media:
        css = {"all": ["customers/history.css", "uploads/upload.css"]}
        js = ["uploads/upload.js"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if not change:
            kwargs["form"] = NewUploadForm
        form = super().get_form(request, obj, change, **kwargs)
        if not change:
            cast(type[NewUploadForm], form).parent = self._parent(request)
        return form

    def _parent(self, request: HttpRequest) -> FileUpload | None:
        """Return the upload whose refused rows are sent again, if any is named."""
        named = request.GET.get("parent", "")
        if not named:
            return None
        upload_id = row_id_of(named)
        if upload_id is None:
            raise Http404
        return self.find(request, upload_id)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None:
            return []
        parent = self._parent(request)
        return [
            (
                None,
                {
                    "fields": NewUploadForm.Meta.fields,
                    # Not escaped by the page that shows it.
                    "description": parent
                    and format_html(
                        'The mended rows of <a class="upload-link" href="{}">{}</a>: '
                        "its columns are read as they were there.",
                        page_of(parent.pk),
                        parent.original_name,
                    ),
                },
            )
        ]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        parent = self._parent(request)
        tenant = parent and parent.tenant
        # Whose customers these are is not guessed: who has several has to say so.
        if parent is None and not has_several_tenants(request):
            tenant = tenants_of(request.user).first()
        return {"tenant": tenant, **super().get_changeform_initial_data(request)}

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> FileUpload:
        file = form.cleaned_data["file"]
        return services.create_upload(
            tenant=form.cleaned_data["tenant"],
            file=file,
            name=file.name,
            uploaded_by=staff_of(request),
            parent=form.parent,
            now=timezone.now(),
            review=form.review,
        )

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            return self._send(request) or super().add_view(
                request, form_url, extra_context
            )
        except QuotaExceeded as exc:  # others took the room since the form was checked
            messages.error(request, str(exc))
            return redirect(request.get_full_path())

    def _send(self, request: HttpRequest) -> HttpResponse | None:
        """Send a file in whose form is good; None for the form's own view.

        Not in that view's transaction: a large file takes a while to be kept.
        """
        if request.method != "POST" or not self.has_add_permission(request):
            return None
        form = self.get_form(request)(request.POST, request.FILES)
        if not form.is_valid():
            return None
        upload = self.save_form(request, form, change=False)
        message = self.construct_change_message(request, form, [], add=True)
        self.log_addition(request, upload, message)
        return self.response_add(request, upload)

    def save_model(
        self, request: HttpRequest, obj: Any, form: Any, change: bool
    ) -> None:
        """Do nothing: the service has saved it."""

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Any, change: bool
    ) -> None:
        """Do nothing: an upload has nothing else to save."""

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        return redirect(page_of(obj.pk))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        upload = kwargs.get("obj")
        context["upload"] = upload
        if upload is None:
            # Each upload has its page; there is nothing to save and go on with.
            context |= {
                "title": _title_of_form(self._parent(request)),
                "show_save_and_add_another": False,
                "show_save_and_continue": False,
            }
        else:
            may_act = request.user.has_perm("uploads.change_fileupload")
            groups = group_issues(upload)
            context |= {
                "title": upload.original_name,
                # What was done with it is on the page; Django knows the sending only.
                "show_history": False,
                "live": live(upload, now=timezone.now()),
                "twin": services.find_twin(upload),
                "issue_groups": groups,
                "groups_not_listed": count_groups_not_listed(upload, groups),
                "columns": understood_columns(upload),
                "open_acts": open_acts(upload) if may_act else [],
                "acts": upload.acts.select_related("by", "by_client"),
                "corrections": upload.corrections.all(),
                "corrected": count_corrected(upload) if upload.failed_rows else None,
                "may_export": upload.failed_rows
                and request.user.has_perm("uploads.view_rowissue"),
                "may_send": self.has_add_permission(request),
                "may_see_entries": upload.is_over
                and upload.succeeded_rows
                and upload.status != Status.UNDONE
                and request.user.has_perm("customers.view_customer"),
            }
            if upload.status == Status.REVIEW:
                context |= review_context(upload, may_act=may_act)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        return [
            self.named("progress", self.progress_view),
            self.named("check", require_POST(self.check_view)),
            self.named("start", require_POST(self.start_view)),
            *self.guide_urls(),
            *super().get_urls(),
        ]

    def progress_view(self, request: HttpRequest, upload_id: int) -> JsonResponse:
        """Answer the page that asks how far the upload is."""
        return JsonResponse(live(self.find(request, upload_id), now=timezone.now()))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        queue = FilesQueue(now=timezone.now())
        for upload in changelist.result_list:
            upload.waiting = queue.find_waiting(upload)
        return changelist

    @display(
        description="status",
        ordering="status",
        label={
            Status.PENDING.label: "default",
            Status.COMPLETED.label: "success",
            Status.FAILED.label: "danger",
            Status.PROCESSING.label: "info",
            Status.PAUSED.label: "warning",
            Status.REVIEW.label: "warning",
        },
    )
    def state(self, upload: FileUpload) -> str | tuple[str, str]:
        label = upload.get_status_display()
        waiting: Waiting | None = getattr(upload, "waiting", None)
        # Coloured by the first, shown as the second.
        return (label, waiting.short()) if waiting else label

    @display(description="rows", ordering="total_rows")
    def rows(self, upload: FileUpload) -> str:
        return intcomma(upload.total_rows)

    @display(description="good", ordering="succeeded_rows")
    def good_rows(self, upload: FileUpload) -> str:
        return intcomma(upload.succeeded_rows)

    @display(description="refused", ordering="failed_rows")
    def refused_rows(self, upload: FileUpload) -> str:
        return intcomma(upload.failed_rows)

    @display(description="sent by", ordering="uploaded_by")
    def sent_by(self, upload: FileUpload) -> str:
        return upload.sender

    @display(description="sent", ordering="created_at")
    def sent_at(self, upload: FileUpload) -> str:
        return local_time(upload.created_at, upload.tenant)


@admin.register(RowIssue)
class RowIssueAdmin(UploadRowsAdmin):
    class Media:
        css = {"all": ["uploads/upload.css"]}

    list_display = ["line", "column", "value", "message", "code", "file"]
    list_select_related = ["upload"]
    list_filter = [UploadFilter, CodeFilter]
    ordering = ["-upload_id", "line", "id"]

    @display(description="column", ordering="column_name")
    def column(self, issue: RowIssue) -> str:
        return issue.column_name

    @display(description="value, masked")
    def value(self, issue: RowIssue) -> str:
        return issue.value_masked

    @display(description="file", ordering="upload_id")
    def file(self, issue: RowIssue) -> str:
        return format_html(
            '<a class="upload-link" href="{}">{}</a>',
            page_of(issue.upload_id),
            issue.upload,
        )


@admin.register(UploadPart)
class UploadPartAdmin(UploadRowsAdmin):
    """How the work is cut, for whoever looks after the machines."""

    list_display = [
        "number", "upload", "status", "first_line", "row_count", "succeeded_rows",
        "failed_rows", "attempts", "claimed_at", "done_at",
    ]  # fmt: skip
    list_select_related = ["upload"]
    list_filter = [UploadFilter, "status"]
    ordering = ["-upload_id", "number"]


def _title_of_form(parent: FileUpload | None) -> str:
    if parent is None:
        return "Send a customer file"
    return f"Send the mended rows of {parent.original_name}"
