"""What the house shows on a contact's page: the loan entries behind the number."""

from django.http import HttpRequest
from django.template.loader import render_to_string

from contacts.models import Contact, ContactIdentity
from contacts.panels import register_contact_panel
from customers.models import Customer
from tenants.access import visible

MOST = 50


def register() -> None:
    register_contact_panel(loan_entries)


def loan_entries(request: HttpRequest, contact: Contact) -> str:
    """Return the dated entries of every number this person has or had, newest first."""
    if not request.user.has_perm("customers.view_customer"):
        return ""
    numbers = set(
        contact.identities.filter(kind=ContactIdentity.Kind.PHONE).values_list(
            "value", flat=True
        )
    )
    if contact.phone_number:
        numbers.add(contact.phone_number)
    entries = (
        visible(Customer.objects.all(), user=request.user)
        .filter(
            primary_phone__in=[f"+{number}" for number in numbers],
            tenant_id=contact.tenant_id,
        )
        .select_related("upload")
        .order_by("-created_at", "-id")[: MOST + 1]
    )
    return render_to_string(
        "desk/loan_entries.html",
        {"entries": entries[:MOST], "more": len(entries) > MOST, "most": MOST},
        request=request,
    )
