"""Links to histories, and money, in templates."""

from django import template

from customers.addresses import loan_address, phone_address
from customers.models import Customer
from customers.rupees import rupees

register = template.Library()
register.filter("rupees", rupees)


@register.filter
def phone_history(entry: Customer) -> str:
    """Return where the history of an entry's phone is shown."""
    return phone_address(entry.primary_phone, tenant_id=entry.tenant_id)


@register.filter
def loan_history(entry: Customer) -> str:
    """Return where the history of an entry's loan is shown."""
    return loan_address(entry.loan_number, tenant_id=entry.tenant_id)
