"""What staff type in about a person."""

from typing import Any

from django import forms
from django.db.models import Q
from unfold.widgets import UnfoldAdminTextInputWidget

from contacts.models import Contact, ContactIdentity
from contacts.phones import PhoneRefused, parse_phone, variants
from tenants.models import Tenant


class ContactForm(forms.ModelForm):  # type: ignore[type-arg] # not generic at run time
    """Name and e-mail; everything else comes from WhatsApp."""

    name = forms.CharField(
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text="Stays through later messages; blank takes WhatsApp's again.",
    )

    class Meta:
        model = Contact
        fields = ["name", "email"]
        labels = {"email": "E-mail"}
        help_texts = {
            "email": "Stays through later answers; blank takes their own again."
        }

    def clean_name(self) -> str:
        return " ".join(str(self.cleaned_data["name"]).split())


class NewContactForm(ContactForm):
    """A person added by hand, found again by WhatsApp through the number."""

    class Meta(ContactForm.Meta):
        fields = ["tenant", "phone_number", "name", "email"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["phone_number"].required = True

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        tenant, phone = cleaned.get("tenant"), cleaned.get("phone_number")
        if isinstance(tenant, Tenant) and phone:
            try:
                digits = parse_phone(phone, region=tenant.country).removeprefix("+")
            except PhoneRefused as refused:
                self.add_error("phone_number", str(refused))
                return cleaned
            cleaned["phone_number"] = digits
            if known := self.find_known(tenant, digits):
                self.add_error(
                    "phone_number", f"{known} has this number already, or had it."
                )
        return cleaned

    def find_known(self, tenant: Tenant, digits: str) -> Contact | None:
        """Return who has or had the number, in whichever way it is written."""
        spellings = variants(digits)
        return Contact.objects.filter(
            Q(phone_number__in=spellings)
            | Q(
                pk__in=ContactIdentity.objects.filter(
                    tenant=tenant,
                    kind=ContactIdentity.Kind.PHONE,
                    value__in=spellings,
                ).values("contact_id")
            ),
            tenant=tenant,
        ).first()
