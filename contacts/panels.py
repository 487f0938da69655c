"""What upper apps show on a contact's page: they register it here, never the other way.

register_contact_panel(conversation)     # in the app's AppConfig.ready
register_merge_panel(loans_of_both)      # before two contacts are merged
"""

from collections.abc import Callable

from django.http import HttpRequest

from contacts.models import Contact

ContactPanel = Callable[[HttpRequest, Contact], str]
MergePanel = Callable[[HttpRequest, Contact, Contact], str]

_panels: list[ContactPanel] = []
_merge_panels: list[MergePanel] = []


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


def register_merge_panel(render: MergePanel) -> None:
    """Show what `render` returns (safe HTML, or "") where two contacts are compared.

    It is called with who stays and who is merged, of one tenant of the visitor's; what
    it shows of other tables it must scope itself.
    """
    if render not in _merge_panels:
        _merge_panels.append(render)


def render_merge_panels(
    *, request: HttpRequest, survivor: Contact, merged: Contact
) -> list[str]:
    """Return the panels for a merge of these two that have something to show."""
    panels = (render(request, survivor, merged) for render in _merge_panels)
    return [html for html in panels if html]
