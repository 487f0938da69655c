"""What belongs to one phone number, shown together: the loans on a contact's page, the
contact and the conversation on a history's."""

from collections.abc import Iterable, Sequence

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone

from contacts.models import Contact, ContactIdentity
from contacts.panels import register_contact_panel
from contacts.phones import canonical, variants
from customers.addresses import phone_address
from customers.current_loans import read_loans_of_phones
from customers.history import entries_of_phones, read_history
from customers.history_chart import loans_context
from customers.models import Customer
from customers.panels import register_history_panel
from messaging.conversation import conversation
from tenants.models import Tenant

MOST = 50


def register() -> None:
    """Put both panels in their places, once, when the apps are ready."""
    register_contact_panel(loan_entries)
    register_history_panel(person_behind)


def loan_entries(request: HttpRequest, contact: Contact) -> str:
    """Return the history of every number this person has or had."""
    if not request.user.has_perm("customers.view_customer"):
        return ""
    tenant, phones = contact.tenant, phones_of(contact)
    entries = entries_of_phones(tenant=tenant, phones=phones)
    history = read_history(tenant=tenant, entries=entries, most=MOST)
    loans = read_loans_of_phones(tenant=tenant, phones=phones, now=timezone.now())
    return render_to_string(
        "desk/loan_entries.html",
        {
            "tenant": tenant,
            "history": history,
            **loans_context(loans, history),
            "most": MOST,
            "may_see_uploads": request.user.has_perm("uploads.view_fileupload"),
        },
        request=request,
    )


def person_behind(request: HttpRequest, tenant: Tenant, phones: Sequence[str]) -> str:
    """Return the contact who has these numbers, and the conversation with them."""
    if not request.user.has_perm("contacts.view_contact"):
        return ""
    contact = _find_contact(tenant, phones)
    others = []
    if contact is not None and request.user.has_perm("customers.view_customer"):
        others = _with_entries(tenant, phones_of(contact) - set(phones))
    return render_to_string(
        "desk/person.html",
        {
            "contact": contact,
            "others": [
                (phone, phone_address(phone, tenant_id=tenant.pk)) for phone in others
            ],
            "conversation": conversation(request, contact) if contact else "",
        },
        request=request,
    )


def phones_of(contact: Contact) -> set[str]:
    """Return a contact's numbers as files spell them, the former ones too."""
    numbers = set(
        contact.identities.filter(kind=ContactIdentity.Kind.PHONE).values_list(
            "value", flat=True
        )
    )
    if contact.phone_number:
        numbers.add(contact.phone_number)
    return {f"+{spelled}" for number in numbers for spelled in variants(number)}


def _find_contact(tenant: Tenant, phones: Sequence[str]) -> Contact | None:
    """Return who has the first of these numbers that anybody has."""
    numbers = [phone.removeprefix("+") for phone in phones[:MOST]]
    known = {
        identity.value: identity.contact
        for identity in ContactIdentity.objects.filter(
            tenant=tenant,
            kind=ContactIdentity.Kind.PHONE,
            value__in=[canonical(number) for number in numbers],
        ).select_related("contact__tenant")
    }
    # Whom somebody inserted by hand has no identity before their first message.
    spelled = [variant for number in numbers for variant in variants(number)]
    for contact in Contact.objects.filter(
        tenant=tenant, phone_number__in=spelled
    ).select_related("tenant"):
        known.setdefault(canonical(contact.phone_number or ""), contact)
    found = (known.get(canonical(number)) for number in numbers)
    return next((contact for contact in found if contact), None)


def _with_entries(tenant: Tenant, phones: Iterable[str]) -> list[str]:
    entries = Customer.objects.filter(tenant=tenant, primary_phone__in=phones)
    return sorted(set(entries.values_list("primary_phone", flat=True)[:MOST]))
