"""The base of lists whose rows belong to an upload, and by it to a tenant."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from tenants.access import visible
from tenants.scoped_admin import ViewOnlyAdmin, is_superuser
from uploads.models import FileUpload


class UploadRowsAdmin(ViewOnlyAdmin):
    """Lists rows of uploads, which have no tenant of their own.

    The uploads are asked for at once, and named in the query: by the tenant alone
    PostgreSQL cannot tell how many rows there are, and reads those of all others.
    """

    tenant_path = "upload__tenant"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        if is_superuser(request):
            return rows
        uploads = visible(FileUpload.objects.order_by(), user=request.user)
        return rows.filter(upload__in=list(uploads.values_list("pk", flat=True)))
