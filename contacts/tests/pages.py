"""The pages of contacts that tests look at."""

from django.urls import reverse

from contacts.models import Contact

LIST = reverse("admin:contacts_contact_changelist")
ADD = reverse("admin:contacts_contact_add")


def page_of(contact: Contact) -> str:
    return reverse("admin:contacts_contact_change", args=[contact.pk])
