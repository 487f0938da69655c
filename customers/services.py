"""What other apps have done to the entries of customers."""

from customers.comparing import forget_comparisons
from customers.models import Customer
from customers.search_index import remove_index
from tenants.models import Tenant


def remove_entries(*, tenant: Tenant, upload_id: int) -> int:
    """Delete every entry that an upload made, and what it was compared with.

    Returns how many entries went, in one statement, whatever their number: nothing
    hangs on an entry. The caller holds the upload.
    """
    forget_comparisons(uploads=[upload_id])
    remove_index(tenant_id=tenant.pk, upload_id=upload_id)
    removed, _ = Customer.objects.filter(tenant=tenant, upload_id=upload_id).delete()
    return removed
