"""Where the histories are shown: links from lists, pages and templates.

The number is a parameter: paths stand in logs, where no phone may be, and browsers
and proxies make something else of a loan number with two slashes or two dots in them.
"""

from urllib.parse import urlencode

from django.urls import reverse


def phone_address(phone: str, *, tenant_id: int) -> str:
    """Return where the history of a phone (E.164) is shown."""
    query = urlencode({"number": phone, "tenant": tenant_id})
    return f"{reverse('admin:customers_customer_phone')}?{query}"


def loan_address(loan_number: str, *, tenant_id: int) -> str:
    """Return where the history of a loan is shown."""
    query = urlencode({"number": loan_number, "tenant": tenant_id})
    return f"{reverse('admin:customers_customer_loan')}?{query}"
