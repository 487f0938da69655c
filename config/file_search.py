"""Contacts and messages are found by what customers' files say about a person."""

from django.contrib.auth.models import User

from contacts.file_search import register_file_search
from customers.search import find_phones
from tenants.access import Visitor, tenants_of


def register() -> None:
    """Let searches for contacts look into files, once, when the apps are ready."""
    register_file_search(phones_of_customers)


def phones_of_customers(text: str, user: Visitor) -> set[tuple[int, str]]:
    """Return (tenant, phone) of customers whom a text means and `user` may see."""
    if not (isinstance(user, User) and user.has_perm("customers.view_customer")):
        return set()
    return find_phones(text, tenants=list(tenants_of(user).order_by()))
