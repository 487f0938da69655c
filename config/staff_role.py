"""The role with which a member of staff can do a day's work."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import DEFAULT_DB_ALIAS

NAME = "Staff"
PERMISSIONS = {
    "contacts": [
        "view_contact",
        "add_contact",
        "change_contact",
        "view_contactidentity",
        "view_contactmerge",
    ],
    "messaging": ["view_chatmessage", "view_messagemedia", "view_messagestatus"],
    "customers": ["view_customer"],
    "uploads": [
        "view_fileupload",
        "add_fileupload",
        "change_fileupload",
        "view_uploadpart",
        "view_rowissue",
        "view_columnmapping",
        "change_columnmapping",
    ],
}


def make_role(using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """Make the role after the first migration; what was made of it later stays.

    Not a migration: the permissions it gives are themselves made after migrating.
    """
    role, created = Group.objects.using(using).get_or_create(name=NAME)
    if not created:
        return
    for app, codenames in PERMISSIONS.items():
        role.permissions.add(
            *Permission.objects.using(using).filter(
                content_type__app_label=app, codename__in=codenames
            )
        )
