"""What helps to write a customer file: a page on its columns, files to fill in."""

from collections.abc import Callable
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from uploads.blank_files import csv_template, xlsx_template
from uploads.encodings import CHOICES as ENCODINGS
from uploads.guide import columns
from uploads.layout import DELIMITERS

_TEMPLATES = {
    "csv": (csv_template, "text/csv; charset=utf-8"),
    "xlsx": (
        xlsx_template,
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
}


class GuidePages:
    """Mixed into the uploads' admin; for everybody who sees uploads."""

    admin_site: AdminSite
    opts: Any
    has_view_permission: Callable[..., bool]

    def guide_urls(self) -> list[URLPattern]:
        return [
            path(
                "columns/",
                self.admin_site.admin_view(self.columns_view),
                name="uploads_fileupload_columns",
            ),
            path(
                "template.<str:kind>",
                self.admin_site.admin_view(self.template_view),
                name="uploads_fileupload_template",
            ),
        ]

    def columns_view(self, request: HttpRequest) -> HttpResponse:
        """Document every column, from the tables that files are read by."""
        self._expect_staff_of_uploads(request)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "What a customer file may hold",
            "columns": list(columns()),
            "delimiters": ", ".join(DELIMITERS.values()),
            "encodings": ", ".join(ENCODINGS.values()),
        }
        return TemplateResponse(request, "uploads/columns.html", context)

    def template_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """Answer with an empty customer file to fill in."""
        self._expect_staff_of_uploads(request)
        if kind not in _TEMPLATES:
            raise Http404
        make, content_type = _TEMPLATES[kind]
        return HttpResponse(
            make(),
            content_type=content_type,
            headers={"Content-Disposition": f'attachment; filename="customers.{kind}"'},
        )

    def _expect_staff_of_uploads(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied
