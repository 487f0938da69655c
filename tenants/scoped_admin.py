"""The admin's side of `tenants.access`: one base for every page that shows rows."""

from typing import Any, ClassVar

from django.contrib.admin import SimpleListFilter
from django.db.models import ForeignKey, Model, QuerySet
from django.forms import ModelChoiceField
from django.http import Http404, HttpRequest, HttpResponse
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from tenants.access import tenants_of, visible
from tenants.models import Tenant
from tenants.paginator import BoundedPaginator
from tenants.row_ids import row_id_of


def has_several_tenants(request: HttpRequest) -> bool:
    """Tell whether a list has to say whose each row is; asked once per request."""
    known: bool | None = getattr(request, "has_several_tenants", None)
    if known is None:
        known = len(tenants_of(request.user).order_by("pk").values_list("pk")[:2]) > 1
        request.has_several_tenants = known  # type: ignore[attr-defined] # ours to keep
    return known


class TenantFilter(SimpleListFilter):
    """Offers the visitor's own tenants only; Django's would list everybody's."""

    title = "tenant"
    parameter_name = "tenant"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.path: str = model_admin.tenant_path
        return [(str(tenant.pk), tenant.name) for tenant in tenants_of(request.user)]

    def queryset(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if not chosen:
            return rows
        tenant_id = row_id_of(chosen)
        if tenant_id is None:
            return rows.none()
        return rows.filter(**{self.path: tenant_id})


class BoundedChangeList(ChangeList):
    """Offers to show all rows only when a search or a filter hides some."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.query and not self.has_active_filters:
            self.full_result_count = self.result_count


class BoundedAdmin(ModelAdmin):
    """Lists 25 rows a page and never counts or reads a whole table for it."""

    paginator = BoundedPaginator
    list_per_page = 25
    list_max_show_all = 25
    show_full_result_count = False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return BoundedChangeList


class TenantScopedAdmin(BoundedAdmin):
    """Shows a member of staff the rows of their own tenants, and nothing else.

    `tenant_path` leads from the row to its tenant. Another tenant's row answers with
    the same 404 as a row that does not exist. Whose a row is appears, as column and as
    filter, only to those who see several tenants.
    """

    tenant_path: ClassVar[str] = "tenant"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return visible(rows, user=request.user, path=self.tenant_path)

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        columns = super().get_list_display(request)
        if has_several_tenants(request):
            return list(columns)
        return [column for column in columns if column != "tenant"]

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        filters = list(super().get_list_filter(request))
        return [TenantFilter, *filters] if has_several_tenants(request) else filters

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> "ModelChoiceField[Any] | None":
        if db_field.remote_field.model is Tenant:
            kwargs.setdefault("queryset", tenants_of(request.user))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
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


class SuperuserOnly:
    """For what belongs to no tenant, whatever permissions staff were given."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)


def is_superuser(request: HttpRequest) -> bool:
    user = request.user
    return user.is_active and bool(getattr(user, "is_superuser", False))
