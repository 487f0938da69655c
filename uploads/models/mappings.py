"""What a tenant's headers mean."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from tenants.models import ApiClient, Tenant


class ColumnMapping(models.Model):
    """Which header means which field, remembered for a tenant's files of one shape."""

    tenant = models.ForeignKey(
        Tenant, models.CASCADE, related_name="column_mappings", db_index=False
    )
    header_fingerprint = models.CharField(max_length=64)
    headers = models.JSONField(default=list, db_default=[])
    mapping = models.JSONField(
        default=list,
        db_default=[],
        help_text="The field of each column, in their order; blank: kept as it is.",
    )
    date_orders = models.JSONField(
        default=dict,
        db_default={},
        help_text="By field, how dates are read that nothing in the file settles.",
    )
    to_be_confirmed = models.BooleanField(
        default=False,
        db_default=False,
        help_text="A file that was loaded so was undone since: the next one is shown "
        "before it starts.",
    )
    units = models.JSONField(
        default=dict,
        db_default={},
        help_text="By field, in what its amounts are counted, where the header names "
        "another unit than rupees.",
    )
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    confirmed_by_client = models.ForeignKey(
        ApiClient,
        models.SET_NULL,
        null=True,
        related_name="+",
        help_text="The program that confirmed it through the API.",
    )
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "column_mappings"
        verbose_name = "known layout"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "header_fingerprint"],
                name="column_mappings_tenant_id_header_fingerprint_key",
            ),
        ]

    def __str__(self) -> str:
        return f"mapping of {len(self.headers)} columns"

    @property
    def confirmer(self) -> str:
        """Who confirmed it, for people; blank when they are not known any more."""
        if self.confirmed_by_client:
            return f"{self.confirmed_by_client} (API)"
        return str(self.confirmed_by or "")
