"""The filter of the list of refused rows."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from tenants.access import visible
from tenants.row_ids import row_id_of
from uploads.models import FileUpload
from uploads.progress import group_issues


class CodeFilter(SimpleListFilter):
    """The kinds of problems of the chosen file, with how many rows have each."""

    title = "problem"
    parameter_name = "code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = row_id_of(request.GET.get("upload", ""))
        if chosen is None:
            return []
        upload = visible(FileUpload.objects.all(), user=request.user).filter(pk=chosen)
        return [
            (group.code, f"{group.message} ({group.count})")
            for one in upload
            for group in group_issues(one)
        ]

    def queryset(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(code=self.value()) if self.value() else rows
