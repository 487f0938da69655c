"""The dated entries of customer files, for other programs."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.generics import RetrieveAPIView
from rest_framework.serializers import ModelSerializer

from customers.models import Customer
from tenants.access import visible_to_client
from tenants.api_fields import EmailOrNull
from tenants.api_views import TenantList, TenantView
from tenants.parameters import row_id_parameter

# The app of uploads stands above this one and is not imported.
_FileUpload: Any = Customer._meta.get_field("upload").related_model

_LATEST_UPLOADS = 1_000


class CustomerSerializer(ModelSerializer[Customer]):
    email = EmailOrNull()

    class Meta:
        model = Customer
        fields = [
            "id", "upload", "row_number", "full_name", "primary_phone",
            "alternate_phone", "national_id_masked", "email", "language", "state",
            "loan_number", "loan_amount", "outstanding_amount", "emi_amount",
            "due_date", "days_past_due", "last_contact_date", "as_of_date", "extra",
            "created_at",
        ]  # fmt: skip
        read_only_fields = fields


@extend_schema_view(
    get=extend_schema(
        operation_id="customers_list",
        summary="Entries of customer files: the newest file first, from its end",
        description="Without a parameter, those of the latest 1,000 files.",
        parameters=[
            OpenApiParameter(
                "phone",
                description="Entries that have it as their phone or alternate phone, "
                "however it is written. Without a country code it is one of the "
                "tenant's country.",
            ),
            OpenApiParameter("loan_number", description="Exactly as in the file."),
            OpenApiParameter(
                "upload", int, description="The file, by its upload's id."
            ),
        ],
    )
)
class CustomerList(TenantList[Customer]):
    serializer_class = CustomerSerializer
    filters = ("phone", "loan_number", "upload")
    order = ("-upload_id", "-row_number", "-id")
    # The app of contacts stands beside this one and is not imported; the addresses
    # hand its reading of numbers over.
    read_digits: Callable[..., str] | None = None

    def get_queryset(self) -> QuerySet[Customer]:
        entries = self.own(Customer.objects.all())
        phone, loan_number, upload = (
            self.parameter(name) for name in ("phone", "loan_number", "upload")
        )
        if phone and self.read_digits:
            digits = self.read_digits(phone, country=self.tenant.country)
            # One arm for each index: an OR may read the whole table.
            first = Customer.objects.filter(primary_phone=f"+{digits}")
            other = Customer.objects.filter(alternate_phone=f"+{digits}").exclude(
                alternate_phone=""  # said twice for the planner, as below
            )
            found = self.own(first).order_by().values("pk")
            entries = entries.filter(
                pk__in=found.union(self.own(other).order_by().values("pk"))
            )
        if loan_number:
            # Said twice for the planner: the index leaves out entries without one.
            entries = entries.filter(loan_number=loan_number).exclude(loan_number="")
        if upload:
            upload_id = row_id_parameter(
                "upload", upload, what="the number of an upload"
            )
            # Asked for first: of another's file every row would be read, and left out.
            known = self._uploads().filter(pk=upload_id).first()
            entries = entries.filter(upload_id=known.pk) if known else entries.none()
        if not (phone or loan_number or upload):
            entries = entries.filter(upload_id__in=self._latest_uploads())
        return entries

    def _uploads(self) -> Any:
        return visible_to_client(_FileUpload.objects.all(), client=self.client)

    def _latest_uploads(self) -> list[int]:
        """Name the tenant's files to PostgreSQL, which then reads from their index."""
        loaded = self._uploads().filter(succeeded_rows__gt=0).exclude(status="undone")
        ids = loaded.order_by("-pk").values_list("pk", flat=True)
        return list(ids[:_LATEST_UPLOADS])


@extend_schema_view(
    get=extend_schema(operation_id="customers_retrieve", summary="One entry")
)
class CustomerDetail(TenantView[Customer], RetrieveAPIView[Customer]):
    serializer_class = CustomerSerializer
    lookup_url_kwarg = "customer_id"

    def get_queryset(self) -> QuerySet[Customer]:
        return self.own(Customer.objects.all())
