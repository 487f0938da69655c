"""How people are named where others may read along: logs and terminals."""

from django.conf import settings

from contacts.phones import mask


def for_log(identity: str) -> str:
    """Return a number or user id, masked unless LOG_PERSONAL_DATA is on."""
    return identity if settings.LOG_PERSONAL_DATA else mask(identity)


def name_for_log(name: str) -> str:
    """Return a name, of which only the first letter shows unless allowed."""
    if settings.LOG_PERSONAL_DATA or not name:
        return name
    return f"{name[0]}***"
