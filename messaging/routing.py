"""Whose is it: from a change's phone_number_id to the number and tenant it came to."""

from collections.abc import Collection
from dataclasses import dataclass, field

from django.conf import settings

from tenants.models import WhatsAppNumber

# `WebhookEvent.signed_by` for the app secrets of the settings.
APP = "app"


@dataclass(frozen=True, slots=True)
class Route:
    """A registered number. `app_secret` is "" when it belongs to our own Meta app."""

    number_id: int
    tenant_id: int
    phone_number_id: str
    app_secret: str = field(repr=False)
    # Where the tenant's Flows ask for an e-mail address; "" when they do not.
    flow_email_field: str = ""


class Routes:
    """The registered numbers among those that a batch of events names."""

    def __init__(self, phone_number_ids: Collection[str]) -> None:
        rows = WhatsAppNumber.objects.filter(
            phone_number_id__in=phone_number_ids
        ).values_list(
            "id",
            "tenant_id",
            "phone_number_id",
            "app_secret",
            "tenant__flow_email_field",
        )
        self._routes = {row[2]: Route(*row) for row in rows}

    def find(self, phone_number_id: str) -> Route | None:
        return self._routes.get(phone_number_id)

    def may_sign(self, route: Route, *, signed_by: str) -> bool:
        """Tell whether that signer's secret is good for this number.

        A number of a tenant's own Meta app only accepts that app's secret, and that
        secret is good for no number of any other app: else one tenant could write
        into another's conversations.
        """
        if not route.app_secret:
            return signed_by == APP
        if signed_by == APP:
            return route.app_secret in settings.WHATSAPP_APP_SECRET
        signer = self._routes.get(signed_by)
        return signed_by == route.phone_number_id or (
            signer is not None and signer.app_secret == route.app_secret
        )
