"""How the admin looks. Settings import this, so it imports no app."""

from typing import Any

from django.templatetags.static import static

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Dues Desk",
    "SITE_HEADER": "Dues Desk",
    "SITE_SUBHEADER": "WhatsApp and loans",
    "SITE_SYMBOL": "currency_rupee",
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("desk/icon.svg"),
        }
    ],
    "STYLES": [lambda request: static("desk/desk.css")],
    "LOGIN": {"form": "config.logins.forms.LoginForm"},
    "DASHBOARD_CALLBACK": "config.dashboard.dashboard",
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": True,
        "navigation": "config.sidebar.navigation",
    },
    "COLORS": {
        # Teal: quiet beside a day of red and green figures.
        "primary": {
            "50": "oklch(98.4% .014 180.72)",
            "100": "oklch(95.3% .051 180.801)",
            "200": "oklch(91% .096 180.426)",
            "300": "oklch(85.5% .138 181.071)",
            "400": "oklch(77.7% .152 181.912)",
            "500": "oklch(66% .125 183.5)",
            "600": "oklch(51.1% .096 186.391)",
            "700": "oklch(43.7% .078 188.216)",
            "800": "oklch(38.6% .063 188.416)",
            "900": "oklch(32% .05 190)",
            "950": "oklch(27.7% .046 192.524)",
        },
    },
}
