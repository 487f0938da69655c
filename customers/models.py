"""What lenders' files say about people, one dated entry per row and upload."""

from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from customers.uuid7 import uuid7
from tenants.models import Tenant


class Customer(models.Model):
    """One row of one uploaded file.

    The phone is deliberately not unique: the same person comes again with every file,
    and each time is an entry of its own. Its fingerprint is unique, always. Money is
    in rupees. A national id is never stored: `national_id_masked` shows its last four
    characters, `national_id_digest` matches it under NATIONAL_ID_KEY.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=RandomUUID())
    # No constraints behind these two: PostgreSQL looks each row up, which halves the
    # load (28,600 rows/s against 56,900). The transaction that loads a part holds the
    # upload's row, and with it the tenant's, until its entries are there.
    tenant = models.ForeignKey(
        Tenant,
        models.PROTECT,
        related_name="customers",
        db_index=False,
        db_constraint=False,
    )
    upload = models.ForeignKey(
        "uploads.FileUpload",
        models.PROTECT,
        related_name="customers",
        db_index=False,
        db_constraint=False,
    )
    row_number = models.PositiveIntegerField(
        help_text="The physical line of the file; in a workbook, the row."
    )
    full_name = models.TextField()
    primary_phone = models.CharField(max_length=20, help_text="E.164, with plus.")
    alternate_phone = models.CharField(
        max_length=20, blank=True, default="", db_default=""
    )
    national_id_masked = models.CharField(
        max_length=20, blank=True, default="", db_default=""
    )
    national_id_digest = models.CharField(
        max_length=64, blank=True, default="", db_default=""
    )
    email = models.TextField(blank=True, default="", db_default="")
    language = models.TextField(blank=True, default="", db_default="")
    state = models.TextField(blank=True, default="", db_default="")
    loan_number = models.TextField(blank=True, default="", db_default="")
    loan_amount = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    outstanding_amount = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    emi_amount = models.DecimalField(
        "EMI amount", max_digits=14, decimal_places=2, null=True
    )
    due_date = models.DateField(null=True)
    days_past_due = models.IntegerField(null=True)
    last_contact_date = models.DateField(null=True)
    as_of_date = models.DateField(
        null=True, help_text="The day the file speaks of, where it names one."
    )
    extra = models.JSONField(
        default=dict, db_default={}, help_text="Columns nobody mapped, by their header."
    )
    fingerprint = models.CharField(max_length=32)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "customers"
        constraints = [
            models.UniqueConstraint(
                fields=["fingerprint"], name="ix_customer_fingerprint"
            ),
        ]
        indexes = [
            models.Index(fields=["primary_phone"], name="ix_customer_primary_phone"),
            models.Index(
                fields=["tenant", "last_contact_date"], name="ix_customer_last_contact"
            ),
            models.Index(fields=["tenant", "state"], name="ix_customer_state"),
            models.Index(fields=["upload", "row_number"], name="ix_customer_upload"),
            models.Index(
                fields=["tenant", "loan_number"],
                condition=~Q(loan_number=""),
                name="ix_customer_loan_number",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.full_name}, line {self.row_number}"
