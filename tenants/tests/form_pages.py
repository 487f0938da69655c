"""Change forms of the admin, as a browser opens and sends them."""

from typing import Any

from django.test import Client


def opened(client: Client, page: str, **typed: Any) -> dict[str, Any]:
    """Open a change form; return what a browser sends of it, with what is typed.

    A checkbox that is not ticked is not sent; neither is what is typed as None.
    """
    shown = client.get(page).context["adminform"].form
    values = {
        field.html_name: field.value()
        for field in shown
        if not field.field.disabled and is_sent(field.value())
    }
    sent = {"_shown": shown.shown_token, **values, **typed}
    return {name: value for name, value in sent.items() if value is not None}


def is_sent(value: Any) -> bool:
    """Tell whether a browser sends a field with this value at all."""
    return value is not None and value is not False


def errors_of(response: Any) -> dict[str, list[str]]:
    """Return what a form that came back says, by field."""
    assert response.status_code == 200
    errors: dict[str, list[str]] = response.context["adminform"].form.errors
    return errors
