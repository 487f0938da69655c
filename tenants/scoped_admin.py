"""The admin's side of `tenants.access`: one base for every page that shows rows."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.exceptions import (
    DisallowedModelAdminLookup,
    DisallowedModelAdminToField,
)
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import (
    ERROR_FLAG,
    SEARCH_VAR,
    ChangeListSearchForm,
)
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey, Model, QuerySet
from django.forms import CharField, ModelChoiceField
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.views import ChangeList

from tenants.access import tenants_of, visible
from tenants.edit_conflicts import EditConflictAdmin
from tenants.models import Tenant
from tenants.paginator import BoundedPaginator
from tenants.row_ids import row_id_of
from tenants.search_terms import LONGEST, search_term_of

_NO_SUCH_FILTER = (
    "This list cannot be narrowed down that way. All of it is shown: use its filters."
)


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


class SearchForm(ChangeListSearchForm):
    """Says that a search is too long, instead of looking for all of it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[SEARCH_VAR] = CharField(
            required=False, strip=False, max_length=LONGEST
        )


class BoundedChangeList(ChangeList):
    """Offers to show all rows only when a search or a filter hides some.

    Its address may ask for what its filters offer and for `link_filters`. Django would
    filter by any column: one that is never shown could be guessed letter by letter.
    """

    search_form_class = SearchForm

    def get_filters(self, request: HttpRequest) -> Any:
        """Return the filters; raises IncorrectLookupParameters for any other one."""
        # No text of PostgreSQL's holds a NUL. The search has a message of its own.
        if any("\0" in name + "".join(values) for name, values in self._asked(request)):
            raise IncorrectLookupParameters
        try:
            filters = super().get_filters(request)
        except (ValueError, OverflowError, ValidationError) as exc:
            raise IncorrectLookupParameters(exc) from exc
        unclaimed = filters[2]  # what no filter has taken
        if unclaimed.keys() - self._link_filters():
            raise IncorrectLookupParameters
        return filters

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.query and not self.has_active_filters:
            self.full_result_count = self.result_count

    def _asked(self, request: HttpRequest) -> list[tuple[str, list[str]]]:
        return [
            (name, values) for name, values in request.GET.lists() if name != SEARCH_VAR
        ]

    def _link_filters(self) -> set[str]:
        days = self.date_hierarchy
        return {
            *getattr(self.model_admin, "link_filters", ()),
            *((f"{days}__gte", f"{days}__lt") if days else ()),
        }


class BoundedAdmin(EditConflictAdmin):
    """Lists 25 rows a page and never counts or reads a whole table for it.

    An address that a list cannot follow leads to the whole list, with a sentence.
    """

    paginator = BoundedPaginator
    list_per_page = 25
    list_max_show_all = 25
    show_full_result_count = False
    # Lookups that our own links ask for, beside those of `list_filter`.
    link_filters: ClassVar[Sequence[str]] = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return BoundedChangeList

    def lookup_allowed(
        self, lookup: str, value: str, request: HttpRequest | None = None
    ) -> bool:
        return True  # the list itself decides, by what none of its filters has taken

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        try:
            return super().get_changelist_instance(request)
        except (
            IncorrectLookupParameters,
            DisallowedModelAdminLookup,
            DisallowedModelAdminToField,
        ) as exc:
            messages.warning(request, _NO_SUCH_FILTER)
            raise IncorrectLookupParameters from exc

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        # With this mark, Django takes the next mistake for a broken database.
        if ERROR_FLAG in request.GET:
            asked = request.GET.copy()
            del asked[ERROR_FLAG]
            request.GET = asked
        response: TemplateResponse = super().changelist_view(request, extra_context)
        return response

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Run an action on those of the chosen rows whose ids can be ids."""
        sent = request.POST.copy()
        chosen = sent.getlist(ACTION_CHECKBOX_NAME)
        sent.setlist(ACTION_CHECKBOX_NAME, [one for one in chosen if self._is_id(one)])
        request.POST = sent
        return super().response_action(request, queryset)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term_of(search_term)
        return super().get_search_results(request, queryset, term)

    def _is_id(self, text: str) -> bool:
        try:
            self.opts.pk.to_python(text)
        except ValidationError:
            return False
        return "\0" not in text


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
        if answer := self.redirect_from_gone(request, unquote(object_id)):
            return answer
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
