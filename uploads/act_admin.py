"""What staff do with an upload on its page: each a button, or a file."""

from collections.abc import Callable
from typing import cast

from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from tenants.scoped_admin import TenantScopedAdmin
from uploads import services
from uploads.file_processes import NotReadNow
from uploads.models import FileUpload
from uploads.quota import QuotaExceeded
from uploads.rejected_download import NONE_REFUSED, send_rejected
from uploads.rejected_files import RowsGone
from uploads.undoing import undo_upload, why_not_undone

View = Callable[..., HttpResponseBase]

# What a button does, what is said then, and what when it came too late.
_ACTS = {
    "pause": (
        services.pause_upload,
        "Paused. Rows that a worker has in hand are still loaded.",
        "This upload does not run: nothing to pause.",
    ),
    "resume": (
        services.resume_upload,
        "Resumed: it goes on where it was.",
        "This upload is not paused.",
    ),
    "cancel": (
        services.cancel_upload,
        "Cancelled: nothing more is loaded.",
        "This upload has ended already.",
    ),
    "retry": (
        services.retry_upload,
        "It is tried again. Rows that were loaded before are not loaded twice.",
        "There is nothing to retry in this upload.",
    ),
}


class ActPages(TenantScopedAdmin):
    """The addresses below an upload's page."""

    def get_urls(self) -> list[URLPattern]:
        undo = require_http_methods(["GET", "POST"])(self.undo_view)
        return [
            *(self.named(act, self._act_view(act)) for act in _ACTS),
            self.named("undo", undo),
            self.named("rejected", require_safe(self.rejected_view)),
            *super().get_urls(),
        ]

    def named(self, name: str, view: View) -> URLPattern:
        return path(
            f"<int:upload_id>/{name}/",
            self.admin_site.admin_view(view),
            name=f"uploads_fileupload_{name}",
        )

    def find(self, request: HttpRequest, upload_id: int) -> FileUpload:
        """Return an upload of the visitor's tenants; a stranger's is not there."""
        upload = self.get_queryset(request).filter(pk=upload_id).first()
        if upload is None:
            raise Http404
        if not self.has_view_permission(request, upload):
            raise PermissionDenied
        return upload  # type: ignore[no-any-return]  # unfold's queryset is untyped

    def _find_to_act_on(self, request: HttpRequest, upload_id: int) -> FileUpload:
        upload = self.find(request, upload_id)
        if not request.user.has_perm("uploads.change_fileupload"):
            raise PermissionDenied
        return upload

    def _act_view(self, name: str) -> View:
        """Return the view of a button that does one thing to an upload."""
        act, done, refusal = _ACTS[name]

        @require_POST
        def view(request: HttpRequest, upload_id: int) -> HttpResponse:
            upload = self._find_to_act_on(request, upload_id)
            try:
                is_done = act(
                    upload_id=upload.pk, by=staff_of(request), now=timezone.now()
                )
            except QuotaExceeded as exc:
                messages.error(request, str(exc))
            else:
                if is_done:
                    messages.success(request, done)
                else:
                    messages.warning(request, refusal)
            return redirect(page_of(upload.pk))

        return view

    def undo_view(self, request: HttpRequest, upload_id: int) -> HttpResponse:
        """Say how many entries will go, and take them out when that is confirmed."""
        upload = self._find_to_act_on(request, upload_id)
        if request.method == "POST":
            removed = undo_upload(
                upload_id=upload.pk, by=staff_of(request), now=timezone.now()
            )
            if removed is None:
                upload.refresh_from_db()
                messages.warning(request, why_not_undone(upload))
            return redirect(page_of(upload.pk))
        if refusal := why_not_undone(upload):
            messages.warning(request, refusal)
            return redirect(page_of(upload.pk))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Undo {upload.original_name}",
            "upload": upload,
            "entry_count": upload.customers.count(),
        }
        return TemplateResponse(request, "uploads/undo.html", context)

    def rejected_view(self, request: HttpRequest, upload_id: int) -> HttpResponseBase:
        """Send the refused rows, and keep who had them."""
        upload = self.find(request, upload_id)
        if not request.user.has_perm("uploads.view_rowissue"):
            raise PermissionDenied
        if not upload.failed_rows:
            messages.warning(request, NONE_REFUSED)
            return redirect(page_of(upload.pk))
        try:
            return send_rejected(
                upload,
                by=staff_of(request),
                now=timezone.now(),
                is_look=request.method == "HEAD",
            )
        except RowsGone as exc:
            messages.warning(request, str(exc))
        except NotReadNow as exc:
            messages.error(request, str(exc))
        return redirect(page_of(upload.pk))


def staff_of(request: HttpRequest) -> AbstractBaseUser:
    return cast(AbstractBaseUser, request.user)  # the admin lets nobody else in


def page_of(upload_id: int) -> str:
    return reverse("admin:uploads_fileupload_change", args=[upload_id])
