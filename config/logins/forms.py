"""The form of the login page."""

from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django.core.validators import MaxLengthValidator
from unfold.forms import AuthenticationForm

from config.logins.hashing import hashing_turn, place_in_line


class LoginForm(AuthenticationForm):
    """Lets one login at a time be tried, from its check to its count.

    Otherwise a hundred sent together would all be tried before the first is counted.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Django names the limit to the browser only.
        longest = self.username_field.max_length
        self.fields["username"].validators.append(MaxLengthValidator(longest))

    def clean(self) -> dict[str, Any]:
        name = self.cleaned_data.get("username")
        # Before anything is asked of the database, which pages want to ask as well.
        with place_in_line():
            if not AxesProxyHandler.is_allowed(self.request, {"username": name}):
                # Refused by axes before any password is looked at: nothing to wait for.
                return self._clean()
            with hashing_turn():
                return self._clean()

    def _clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()
        return cleaned
