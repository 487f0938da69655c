"""What upper apps show on a contact's page: they register it here, never the other way.

register_contact_panel(conversation)     # in the app's AppConfig.ready
"""

from collections.abc import Callable

from django.http import HttpRequest

from contacts.models import Contact

ContactPanel = Callable[[HttpRequest, Contact], str]

_panels: list[ContactPanel] = []


def register_contact_panel(render: ContactPanel) -> None:
    """Show what `render` returns (safe HTML, or "" for nothing) below each contact.

    It is called with a contact that the visitor may see; what it shows of other tables
    it must scope itself. Panels stand in the order of their registration.
    """
    if render not in _panels:
        _panels.append(render)


def render_panels(*, request: HttpRequest, contact: Contact) -> list[str]:
    """Return the panels of a contact's page that have something to show."""
    return [html for render in _panels if (html := render(request, contact))]
