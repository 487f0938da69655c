"""What operators' commands share: how a tenant is named."""

from django.core.management.base import CommandError

from tenants.models import Tenant

_NAMED_IN_ERROR = 20


def tenant_named(text: str) -> Tenant:
    """Return the tenant with that id or slug; else a `CommandError` lists who there is.

    A slug of digits only is found too, unless it is another's id.
    """
    tenant = None
    if text.isascii() and text.isdecimal():
        tenant = Tenant.objects.filter(pk=int(text)).first()
    tenant = tenant or Tenant.objects.filter(slug=text).first()
    if tenant is None:
        there = Tenant.objects.order_by("pk")[:_NAMED_IN_ERROR]
        raise CommandError(
            f"There is no tenant {text!r}. Name one by its id or slug: "
            + ", ".join(f"{one.pk} ({one.slug})" for one in there)
        )
    return tenant
