"""The login that a first start of the embedded servers makes, and prints."""

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password

NAME = "admin"
PASSWORD = "admin"  # noqa: S105 - every start shows it, until it is changed


def make_first_login() -> None:
    """Make the login where nobody has any."""
    users = get_user_model()._default_manager
    if not users.exists():
        users.create_superuser(NAME, password=PASSWORD)


def first_login_opens() -> bool:
    """Tell whether the login, with its first password, still opens the door."""
    users = get_user_model()._default_manager.filter(username=NAME, is_active=True)
    return any(check_password(PASSWORD, user.password) for user in users)
