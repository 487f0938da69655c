"""Customer files as staff see them: send one in, watch it, read what was refused."""

from collections.abc import Callable
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST
from unfold.decorators import display

from customers.list_filters import UploadFilter
from tenants.access import tenants_of
from tenants.scoped_admin import TenantScopedAdmin, ViewOnlyAdmin
from uploads import services
from uploads.acts import open_acts
from uploads.forms import NewUploadForm
from uploads.list_filters import CodeFilter
from uploads.models import ColumnMapping, FileUpload, RowIssue, UploadPart
from uploads.pages import live, understood_columns
from uploads.progress import group_issues
from uploads.review_admin import ReviewPages, review_context
from uploads.undoing import undo_upload

Status = FileUpload.Status

# What a button does, and what is said when it came too late.
_ACTS = {
    "pause": (services.pause_upload, "This upload does not run: nothing to pause."),
    "resume": (services.resume_upload, "This upload is not paused."),
    "cancel": (services.cancel_upload, "This upload has ended already."),
    "retry": (services.retry_upload, "There is nothing to retry in this upload."),
}


@admin.register(FileUpload)
class FileUploadAdmin(ReviewPages, TenantScopedAdmin):
    """A file is sent in by the form; what becomes of it, workers write.

    Nothing of an upload is ever saved from a form: saving would write back the
    progress as it was when the page was opened. The page asks for it instead.
    """

    list_display = [
        "original_name",
        "tenant",
        "state",
        "total_rows",
        "succeeded_rows",
        "failed_rows",
        "uploaded_by",
        "created_at",
    ]
    list_select_related = ["tenant", "uploaded_by"]
    list_filter = ["status"]
    search_fields = ["original_name"]
    search_help_text = "The file's name"
    change_form_outer_before_template = "uploads/upload.html"

    class Media:
        css = {"all": ["uploads/upload.css"]}
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
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None:
            return []
        return [(None, {"fields": NewUploadForm.Meta.fields})]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {
            "tenant": tenants_of(request.user).order_by("pk").first(),
            **super().get_changeform_initial_data(request),
        }

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> FileUpload:
        file = form.cleaned_data["file"]
        return services.create_upload(
            tenant=form.cleaned_data["tenant"],
            file=file,
            name=file.name,
            uploaded_by=_staff(request),
            now=timezone.now(),
            review=form.review,
        )

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
        return redirect(_page_of(obj.pk))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        upload = kwargs.get("obj")
        context["upload"] = upload
        if upload is None:
            # Each upload has its page; there is nothing to save and go on with.
            context |= {
                "title": "Send a customer file",
                "show_save_and_add_another": False,
                "show_save_and_continue": False,
            }
        else:
            may_act = request.user.has_perm("uploads.change_fileupload")
            context |= {
                "title": upload.original_name,
                "live": live(upload, now=timezone.now()),
                "twin": services.find_twin(upload),
                "issue_groups": group_issues(upload),
                "columns": understood_columns(upload),
                "open_acts": open_acts(upload) if may_act else [],
                "acts": upload.acts.select_related("by"),
                "corrections": upload.corrections.all(),
                "may_see_customers": request.user.has_perm("customers.view_customer"),
            }
            if upload.status == Status.REVIEW:
                context |= review_context(upload, may_act=may_act)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        def named(name: str, view: Callable[..., HttpResponse]) -> URLPattern:
            return path(
                f"<int:upload_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"uploads_fileupload_{name}",
            )

        acts = [named(act, self._act_view(act)) for act in _ACTS]
        return [
            *acts,
            named("progress", self.progress_view),
            named("undo", require_http_methods(["GET", "POST"])(self.undo_view)),
            named("check", require_POST(self.check_view)),
            named("start", require_POST(self.start_view)),
            *super().get_urls(),
        ]

    def progress_view(self, request: HttpRequest, upload_id: int) -> JsonResponse:
        """Answer the page that asks how far the upload is."""
        return JsonResponse(live(self._find(request, upload_id), now=timezone.now()))

    def _act_view(self, name: str) -> Callable[..., HttpResponse]:
        """Return the view of a button that does one thing to an upload."""
        act, refusal = _ACTS[name]

        @require_POST
        def view(request: HttpRequest, upload_id: int) -> HttpResponse:
            upload = self._find_to_act_on(request, upload_id)
            if not act(upload_id=upload.pk, by=_staff(request), now=timezone.now()):
                messages.warning(request, refusal)
            return redirect(_page_of(upload.pk))

        return view

    def undo_view(self, request: HttpRequest, upload_id: int) -> HttpResponse:
        """Say how many entries will go, and take them out when that is confirmed."""
        upload = self._find_to_act_on(request, upload_id)
        if request.method == "POST":
            removed = undo_upload(
                upload_id=upload.pk, by=_staff(request), now=timezone.now()
            )
            if removed is None:
                messages.warning(request, "This upload is undone already.")
            return redirect(_page_of(upload.pk))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Undo {upload.original_name}",
            "upload": upload,
            "entry_count": upload.customers.count(),
        }
        return TemplateResponse(request, "uploads/undo.html", context)

    def _find(self, request: HttpRequest, upload_id: int) -> FileUpload:
        """Return an upload of the visitor's tenants; a stranger's is not there."""
        upload = self.get_queryset(request).filter(pk=upload_id).first()
        if upload is None:
            raise Http404
        if not self.has_view_permission(request, upload):
            raise PermissionDenied
        return upload  # type: ignore[no-any-return]  # unfold's queryset is untyped

    def _find_to_act_on(self, request: HttpRequest, upload_id: int) -> FileUpload:
        upload = self._find(request, upload_id)
        if not request.user.has_perm("uploads.change_fileupload"):
            raise PermissionDenied
        return upload

    @display(
        description="status",
        ordering="status",
        label={
            Status.COMPLETED.label: "success",
            Status.FAILED.label: "danger",
            Status.PROCESSING.label: "info",
            Status.PAUSED.label: "warning",
            Status.REVIEW.label: "warning",
        },
    )
    def state(self, upload: FileUpload) -> str:
        return upload.get_status_display()


@admin.register(RowIssue)
class RowIssueAdmin(ViewOnlyAdmin):
    tenant_path = "upload__tenant"
    list_display = ["line", "column", "value", "message", "code", "upload"]
    list_display_links = None
    list_select_related = ["upload"]
    list_filter = [UploadFilter, CodeFilter]
    ordering = ["-upload_id", "line", "id"]

    @display(description="column", ordering="column_name")
    def column(self, issue: RowIssue) -> str:
        return issue.column_name

    @display(description="value, masked")
    def value(self, issue: RowIssue) -> str:
        return issue.value_masked


@admin.register(UploadPart)
class UploadPartAdmin(ViewOnlyAdmin):
    """How the work is cut, for whoever looks after the machines."""

    tenant_path = "upload__tenant"
    list_display = [
        "number", "upload", "status", "first_line", "row_count", "succeeded_rows",
        "failed_rows", "attempts", "claimed_at", "done_at",
    ]  # fmt: skip
    list_select_related = ["upload"]
    list_filter = [UploadFilter, "status"]
    ordering = ["-upload_id", "number"]


@admin.register(ColumnMapping)
class ColumnMappingAdmin(ViewOnlyAdmin):
    list_display = ["__str__", "tenant", "confirmed_by", "updated_at"]
    list_select_related = ["tenant", "confirmed_by"]


def _staff(request: HttpRequest) -> AbstractBaseUser:
    return cast(AbstractBaseUser, request.user)  # the admin lets nobody else in


def _page_of(upload_id: int) -> str:
    return reverse("admin:uploads_fileupload_change", args=[upload_id])
