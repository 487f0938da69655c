"""What lenders' files say about people, one dated entry per row and upload."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import F, Func, Q
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
                fields=["alternate_phone"],
                condition=~Q(alternate_phone=""),
                name="ix_customer_alternate_phone",
            ),
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


class SearchIndex(models.Model):
    """How far an upload's entries can be found by name, last digits, part of a loan.

    Made after the load, which it would slow down. `row_count` is what the upload had
    loaded when it was begun: with another number it is made anew.
    """

    upload = models.OneToOneField(
        "uploads.FileUpload",
        models.CASCADE,
        primary_key=True,
        related_name="search_index",
    )
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", db_index=False)
    row_count = models.PositiveIntegerField()
    lines_done = models.PositiveIntegerField(
        default=0, help_text="The last line of the file that is in it."
    )
    completed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "customer_search_indexes"

    def __str__(self) -> str:
        return f"search index of upload {self.upload_id}"


class SearchTerm(models.Model):
    """Which lines of an upload have a term (`customers.entry_terms`).

    A large file has several rows of one term, each for so many lines.
    """

    pk = models.CompositePrimaryKey("tenant_id", "term", "upload_id", "first_line")
    # No constraints behind these two, as with entries: a file has a hundred thousand
    # terms. The upload's row is locked while they are written.
    tenant = models.ForeignKey(
        Tenant, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    upload = models.ForeignKey(
        "uploads.FileUpload", models.CASCADE, related_name="+", db_constraint=False
    )
    # Ranges of it are asked for: in the order of bytes they are the same everywhere.
    term = models.TextField(db_collation="C")
    first_line = models.PositiveIntegerField(
        help_text="Where the lines begin that this row is of."
    )
    row_numbers = ArrayField(models.IntegerField())
    row_count = models.GeneratedField(
        expression=Func(F("row_numbers"), function="cardinality"),
        output_field=models.IntegerField(),
        db_persist=True,
    )

    class Meta:
        db_table = "customer_search_terms"
        constraints = [
            models.CheckConstraint(
                condition=~Q(row_numbers=[]), name="customer_search_terms_have_lines"
            ),
        ]

    def __str__(self) -> str:
        return f"term {self.term} of upload {self.upload_id}"


class LenderFile(models.Model):
    """Whose file an upload is among its tenant's lenders, and of which day.

    A corrected file has no row here: it belongs to the file that it corrects.
    `customers.lenders` decides; docs/decisions.md has the rule in words.
    """

    upload = models.OneToOneField(
        "uploads.FileUpload",
        models.CASCADE,
        primary_key=True,
        related_name="lender_file",
    )
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", db_index=False)
    header_fingerprint = models.CharField(max_length=64)
    lender_id = models.BigIntegerField(
        help_text="The id of the first upload that was found to be this lender's."
    )
    delivery_id = models.BigIntegerField(
        help_text="The id of the first upload of those that came in parts for one day."
    )
    day = models.DateField(help_text="The day that most of its entries speak of.")

    class Meta:
        db_table = "lender_files"
        indexes = [
            models.Index(
                fields=["tenant", "lender_id", "day"], name="ix_lender_file_day"
            ),
            models.Index(
                fields=["tenant", "header_fingerprint"], name="ix_lender_file_header"
            ),
        ]

    def __str__(self) -> str:
        return f"upload {self.upload_id} of lender {self.lender_id}"


class Comparison(models.Model):
    """What a file says differently from an earlier one, worked out once.

    Each with what corrects it. Entries do not change. They go, by an undo or an
    erasure, and come, when a failed upload is tried again or a corrected file loaded:
    `basis` says of what this was made, and when that is no longer so it is made anew.
    """

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+")
    earlier_upload = models.ForeignKey(
        "uploads.FileUpload", models.CASCADE, related_name="+", db_index=False
    )
    later_upload = models.ForeignKey(
        "uploads.FileUpload", models.CASCADE, related_name="+"
    )
    earlier_entries = models.PositiveIntegerField()
    later_entries = models.PositiveIntegerField()
    basis = models.JSONField(
        default=list,
        db_default=[],
        help_text="Of each upload: its id, its rows loaded, refused and erased.",
    )
    by_phone = models.BooleanField(
        help_text="One of the files names no loan, so phones were matched."
    )
    made_at = models.DateTimeField()

    class Meta:
        db_table = "upload_comparisons"
        constraints = [
            models.UniqueConstraint(
                fields=["earlier_upload", "later_upload"],
                name="upload_comparisons_earlier_upload_id_later_upload_id_key",
            ),
        ]

    def __str__(self) -> str:
        return f"uploads {self.earlier_upload_id} and {self.later_upload_id}"


class ComparedGroup(models.Model):
    """The loans of a comparison that fared alike, those who owe most first.

    The n-th of `earlier_ids` and the n-th of `later_ids` are the entries of one loan in
    the two files; of one that only one file has there is only the one.
    """

    class Outcome(models.TextChoices):
        WORSE = "worse", "worse"
        BETTER = "better", "better"
        UNCHANGED = "unchanged", "unchanged"
        NEW = "new", "new"
        GONE = "gone", "gone"
        # The other file has the row, but refused it: in no sum.
        UNREADABLE = "unreadable", "not readable in the later file"
        UNREADABLE_BEFORE = "unreadable_before", "not readable in the earlier file"
        # Counted among worse, better or unchanged as well: in no sum.
        OTHER_PHONE = "other_phone", "under another phone than before"

    comparison = models.ForeignKey(
        Comparison, models.CASCADE, related_name="groups", db_index=False
    )
    outcome = models.CharField(max_length=20, choices=Outcome.choices)
    loan_count = models.PositiveIntegerField()
    outstanding_before = models.DecimalField(max_digits=20, decimal_places=2)
    outstanding_after = models.DecimalField(max_digits=20, decimal_places=2)
    outstanding_change = models.DecimalField(max_digits=20, decimal_places=2)
    earlier_ids = ArrayField(models.UUIDField())
    later_ids = ArrayField(models.UUIDField())

    class Meta:
        db_table = "upload_compared_groups"
        constraints = [
            models.UniqueConstraint(
                fields=["comparison", "outcome"],
                name="upload_compared_groups_comparison_id_outcome_key",
            ),
            models.CheckConstraint(
                condition=Q(
                    outcome__in=[
                        "worse",
                        "better",
                        "unchanged",
                        "new",
                        "gone",
                        "unreadable",
                        "unreadable_before",
                        "other_phone",
                    ]
                ),
                name="upload_compared_groups_outcome_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.loan_count} {self.outcome}"
