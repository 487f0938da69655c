"""The form by which a customer file comes in."""

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.html import format_html
from unfold.widgets import UnfoldBooleanSwitchWidget

from tenants.models import Tenant
from uploads.models import FileUpload
from uploads.quota import QuotaExceeded, check_room


class NewUploadForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    # Whose refused rows the file brings again; the page knows it by its address.
    parent: FileUpload | None = None

    start_at_once = forms.BooleanField(
        label="Start at once when this layout is known",
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget,
        help_text="Files whose header was confirmed before are loaded without a stop. "
        "Any other file is shown to you first.",
    )

    class Meta:
        model = FileUpload
        fields = ["tenant", "file", "start_at_once"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        file = self.fields["file"]
        file.widget.attrs["accept"] = ".csv,.tsv,.txt,.xlsx,text/csv,text/plain"
        file.help_text = format_html(
            "A CSV or TSV file, or an Excel workbook (.xlsx), with a header row. It "
            "needs a name and a mobile number for each customer; loan number, amounts, "
            "EMI, due date and days past due are read when they are there, and every "
            "other column is kept. Of a workbook, the first visible sheet is read. "
            "{}, with templates for {} and as {}.",
            _link("What a file may hold", "columns"),
            _link("Excel", "template", "xlsx"),
            _link("CSV", "template", "csv"),
        )

    def clean_tenant(self) -> Tenant:
        tenant: Tenant = self.cleaned_data["tenant"]
        if self.parent and self.parent.tenant != tenant:
            raise forms.ValidationError(
                f"The mended rows belong to {self.parent.tenant.name}, as the file did."
            )
        return tenant

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if (tenant := cleaned.get("tenant")) and (file := cleaned.get("file")):
            try:
                check_room(tenant=tenant, size_bytes=file.size)
            except QuotaExceeded as exc:
                self.add_error("file", str(exc))
        return cleaned

    @property
    def review(self) -> FileUpload.Review:
        """Return when the upload stops to be looked at."""
        if self.cleaned_data["start_at_once"]:
            return FileUpload.Review.WHEN_NEW
        return FileUpload.Review.ALWAYS


def _link(text: str, page: str, *args: str) -> str:
    return format_html(
        '<a class="upload-link" href="{}">{}</a>',
        reverse(f"admin:uploads_fileupload_{page}", args=args),
        text,
    )
