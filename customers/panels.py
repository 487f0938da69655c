"""What upper apps show beside a history: they register it here, never the other way.

register_history_panel(person_behind)     # in the app's AppConfig.ready
"""

from collections.abc import Callable, Sequence

from django.http import HttpRequest

from tenants.models import Tenant

HistoryPanel = Callable[[HttpRequest, Tenant, Sequence[str]], str]

_panels: list[HistoryPanel] = []


def register_history_panel(render: HistoryPanel) -> None:
    """Show what `render` returns (safe HTML, or "" for nothing) beside each history.

    It is called with a tenant that the visitor works for and the phones of the history
    (E.164), the newest first; what it shows of other tables it must scope itself.
    """
    if render not in _panels:
        _panels.append(render)


def render_panels(
    *, request: HttpRequest, tenant: Tenant, phones: Sequence[str]
) -> list[str]:
    """Return the panels of a history that have something to show."""
    return [html for render in _panels if (html := render(request, tenant, phones))]
