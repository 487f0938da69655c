"""Forget a person everywhere in one tenant, or give out all that is known of them.

The law gives people both (Digital Personal Data Protection Act, 2023, sections 11 and
12). What is forgotten leaves a receipt that names nobody.
"""

import hashlib
import hmac
from dataclasses import asdict
from datetime import datetime

from django.conf import settings
from django.db import transaction

from config.models import ErasureReceipt
from contacts.erasing import forget_contacts, lock_known
from contacts.phones import canonical
from customers.erasing import forget_entries
from messaging.erasing import forget_conversation
from tenants.models import Tenant
from uploads.erasing import forget_in_files, refuse_while_loading


class OnHold(Exception):
    """The tenant has to keep everything for now; the message says so to people."""


@transaction.atomic
def erase_person(*, tenant: Tenant, phone: str, now: datetime) -> ErasureReceipt:
    """Delete everything of whom a number (digits) means, in one tenant, as one act.

    Raises `OnHold`, or `StillLoading` while a file of the tenant is being loaded.
    A file that is sent meanwhile came later, and is not looked at. Nobody known: a
    receipt of noughts. What other people wrote stays, also where it
    answers the person; what other tenants know of the same number stays too.
    """
    if tenant.on_hold:
        raise OnHold(
            f"{tenant.name} is on hold: it has to keep everything for now. The hold is "
            "a setting of the tenant, in the admin."
        )
    held = refuse_while_loading(tenant)
    known = lock_known(tenant=tenant, phone=phone)
    conversation = forget_conversation(
        tenant=tenant,
        contact_ids=known.contact_ids,
        phones=known.phones,
        user_ids=known.user_ids,
        now=now,
    )
    contacts = forget_contacts(tenant=tenant, contact_ids=known.contact_ids)
    entries = forget_entries(tenant=tenant, uploads=held, phones=known.phones)
    files = forget_in_files(
        tenant=tenant,
        held=held,
        phones=known.phones,
        entries=entries.by_upload,
        lines=entries.lines,
        now=now,
    )
    return ErasureReceipt.objects.create(
        tenant=tenant,
        person_digest=digest_of(tenant, phone),
        erased_at=now,
        counts={
            **contacts,
            **asdict(conversation),
            "customers": entries.count,
            "alternate_phones": entries.alternate_phones,
            **asdict(files),
        },
    )


def digest_of(tenant: Tenant, phone: str) -> str:
    """Return what stands for the person on a receipt: keyed, so nobody can guess it."""
    subject = f"{tenant.pk}|{canonical(phone)}".encode()
    return hmac.new(
        settings.NATIONAL_ID_KEY.encode(), subject, hashlib.sha256
    ).hexdigest()
