"""How many logins may fail before no more are tried, and until when.

Three limits at once, each for one kind of guessing:

- an account from one address, 5: somebody tries passwords, or mistypes. Only this pair
  is locked, so one address cannot lock a person out who sits elsewhere;
- all accounts from one address, 30: one address tries many accounts. An office behind
  one router reaches it only when six colleagues have locked themselves out;
- an account from all addresses, 20: many addresses share the work, at least four of
  them. An address from which the account has logged in before is exempt: it has the
  limit of its pair, and so nobody locks an account's owner out from elsewhere.

Whether the account exists is asked nowhere. A row of `AccessAttempt` is such a pair.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from axes.models import AccessAttempt, AccessLog
from django.db import transaction
from django.db.models import Q

WINDOW = timedelta(minutes=15)
PAIR_LIMIT = 5
ADDRESS_LIMIT = 30
ACCOUNT_LIMIT = 20

# When a pair failed last, and how often.
_Failures = tuple[datetime, int]


def locked_until(*, account: str, address: str, now: datetime) -> datetime | None:
    """Return when the account may be tried again from the address; None: at once."""
    failures = list(
        AccessAttempt.objects.filter(
            Q(username=account) | Q(ip_address=address), attempt_time__gt=now - WINDOW
        )
        .order_by("attempt_time")
        .values_list("username", "ip_address", "attempt_time", "failures_since_start")
    )
    ends = [
        _below(PAIR_LIMIT, (f[2:] for f in failures if f[:2] == (account, address))),
        _below(ADDRESS_LIMIT, (f[2:] for f in failures if f[1] == address)),
    ]
    of_account = _below(ACCOUNT_LIMIT, (f[2:] for f in failures if f[0] == account))
    if of_account and not _has_logged_in(account, address):
        ends.append(of_account)
    return max((end for end in ends if end), default=None)


def record_failure(
    *, account: str, address: str, path: str = "", now: datetime
) -> None:
    """Count a failed login; a count ends when none was added for the window."""
    with transaction.atomic():
        attempt, is_new = AccessAttempt.objects.select_for_update().get_or_create(
            username=account,
            ip_address=address,
            user_agent="",  # whoever changes it is the same to us
            defaults={"path_info": path, "failures_since_start": 0},
        )
        if not is_new and attempt.attempt_time <= now - WINDOW:
            attempt.failures_since_start = 0
        attempt.failures_since_start += 1
        attempt.attempt_time = now
        attempt.save(update_fields=["failures_since_start", "attempt_time"])


def forget_failures(*, account: str, address: str) -> int:
    """Begin anew for an account at one address; what else failed there stays."""
    count, _ = AccessAttempt.objects.filter(
        username=account, ip_address=address
    ).delete()
    return int(count)


def _below(limit: int, failures: Iterable[_Failures]) -> datetime | None:
    """Return when enough of the failures, oldest first, lie behind the window."""
    failures = list(failures)
    left = sum(count for _, count in failures)
    for failed_at, count in failures:
        if left < limit:
            return None
        left -= count
        if left < limit:
            return failed_at + WINDOW
    return None


def _has_logged_in(account: str, address: str) -> bool:
    logins = AccessLog.objects.filter(username=account, ip_address=address)
    return bool(logins.exists())
