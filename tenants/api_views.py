"""What the views of the API stand on: a tenant's rows, and lists of them in pages."""

from typing import Any, ClassVar, TypeVar, cast

from django.db.models import Model, QuerySet
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from tenants.access import visible_to_client
from tenants.keyset import PAGE_PARAMETERS, KeysetPagination
from tenants.models import ApiClient, Tenant
from tenants.parameters import check_parameters, text_parameter

M = TypeVar("M", bound=Model)


class TenantView(GenericAPIView[M]):
    """A view of one tenant's rows; another's are not there."""

    @property
    def client(self) -> ApiClient:
        return cast(ApiClient, self.request.auth)  # `HasToken` lets in nobody else

    @property
    def tenant(self) -> Tenant:
        return self.client.tenant

    def own(self, rows: QuerySet[M], *, path: str = "tenant") -> QuerySet[M]:
        return visible_to_client(rows, client=self.client, path=path)


class TenantList(TenantView[M], ListAPIView[M]):
    """A list in pages, in an order that an index has.

    A parameter that is not among `filters`, is blank, or stands twice is a 400: left
    aside, it would answer with everybody's rows.
    """

    filters: ClassVar[tuple[str, ...]] = ()
    # All one way, and together unique: the page after a row is what lies behind it.
    order: ClassVar[tuple[str, ...]]
    pagination_class = KeysetPagination

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # A POST takes what it needs from its body.
        known = (*self.filters, *PAGE_PARAMETERS)
        check_parameters(
            request.query_params, known if request.method in SAFE_METHODS else ()
        )

    def parameter(self, name: str) -> str:
        """Return a parameter of the address, "" when it is not there."""
        return text_parameter(self.request.query_params.get(name, ""))
