"""Workers and beat say that they live, where nothing but the database is needed."""

from datetime import datetime, timedelta

from config.models import ProcessMark

FORGOTTEN_AFTER = timedelta(days=1)


def mark_alive(*, kind: ProcessMark.Kind, name: str, now: datetime) -> None:
    """Note that the process of that kind and name works at this moment.

    Names come and go with machines and containers: old ones are forgotten.
    """
    ProcessMark.objects.update_or_create(
        kind=kind, name=name[:200], defaults={"seen_at": now}
    )
    ProcessMark.objects.filter(seen_at__lt=now - FORGOTTEN_AFTER).delete()
