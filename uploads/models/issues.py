"""What was wrong in the rows of a file."""

from django.db import models
from django.db.models import Q

from uploads.models.upload import FileUpload


class RowIssue(models.Model):
    """Why one row of a file did not become an entry, or what was odd about it."""

    upload = models.ForeignKey(
        FileUpload, models.CASCADE, related_name="issues", db_index=False
    )
    line = models.PositiveIntegerField()
    column_name = models.TextField(blank=True, default="", db_default="")
    value_masked = models.TextField(blank=True, default="", db_default="")
    code = models.CharField(max_length=48)
    message = models.TextField()
    # So that a loan whose row was refused is not taken for one that is gone.
    loan_number = models.TextField(blank=True, default="", db_default="")
    primary_phone = models.CharField(
        max_length=20, blank=True, default="", db_default=""
    )

    class Meta:
        db_table = "upload_row_issues"
        verbose_name = "refused row"
        indexes = [
            # As the list is ordered: the newest file first, each from its top.
            models.Index(fields=["-upload", "line", "id"], name="ix_issue_list"),
            models.Index(
                fields=["upload", "loan_number"],
                condition=~Q(loan_number=""),
                name="ix_issue_loan_number",
            ),
            # A person who is to be forgotten is found by it, in all files.
            models.Index(
                fields=["primary_phone"],
                condition=~Q(primary_phone=""),
                name="ix_issue_primary_phone",
            ),
        ]

    def __str__(self) -> str:
        return f"line {self.line}: {self.code}"
