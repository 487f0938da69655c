"""The form by which a customer file comes in."""

from typing import Any

from django import forms

from uploads.models import FileUpload


class NewUploadForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    class Meta:
        model = FileUpload
        fields = ["tenant", "file"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        file = self.fields["file"]
        file.widget.attrs["accept"] = ".csv,.tsv,.txt,text/csv,text/plain"
        file.help_text = (
            "A CSV file with a header row. It needs a name and a mobile number for "
            "each customer; loan number, amounts, EMI, due date and days past due are "
            "read when they are there, and every other column is kept."
        )
