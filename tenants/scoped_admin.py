"""The admin's side of `tenants.access`: one base for every page that shows rows."""

from typing import Any, ClassVar, NoReturn

from django.db.models import ForeignKey, Model, QuerySet
from django.forms import ModelChoiceField
from django.http import Http404, HttpRequest
from unfold.admin import ModelAdmin

from tenants.access import tenants_of, visible
from tenants.models import Tenant


class TenantScopedAdmin(ModelAdmin):
    """Shows a member of staff the rows of their own tenants, and nothing else.

    `tenant_path` leads from the row to its tenant. Another tenant's row answers with
    the same 404 as a row that does not exist.
    """

    tenant_path: ClassVar[str] = "tenant"
    list_per_page = 25
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return visible(rows, user=request.user, path=self.tenant_path)

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        if db_field.remote_field.model is Tenant:
            kwargs.setdefault("queryset", tenants_of(request.user))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> NoReturn:
        # Django would redirect with a message that repeats the id.
        raise Http404


class ViewOnlyAdmin(TenantScopedAdmin):
    """For facts from outside: nothing is added, changed or deleted by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False
