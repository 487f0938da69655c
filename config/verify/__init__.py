"""Every check of both checklists, and more: is all as it should be?

Each is a function that looks and never writes; `manage.py verify` and the page in the
admin print what they find.
"""

from collections.abc import Iterator, Sequence

from config.verify import data, files, machines, processes, schema, whatsapp
from config.verify.report import Check, Result, Scope, run

# In the order in which one asks: what the others stand on comes first.
CHECKS: dict[str, Check] = {
    "database": machines.database_sound,
    "settings": machines.settings_fit,
    "migrations": machines.migrations_applied,
    "schema": schema.constraints_and_indexes,
    "sequences": schema.sequences_ahead,
    "tenant-1": schema.tenant_one,
    "redis": machines.redis_answers,
    "redis-persistence": machines.redis_persists,
    "workers": processes.workers_alive,
    "stuck": processes.workers_get_on,
    "beat": processes.beat_alive,
    "disk": machines.disk_has_room,
    "numbers": whatsapp.numbers_registered,
    "secrets": whatsapp.secrets_readable,
    "webhook": whatsapp.webhook_called,
    "events-pending": whatsapp.events_pending,
    "events-parked": whatsapp.events_parked,
    "events-unroutable": whatsapp.events_unroutable,
    "media": whatsapp.media_fetched,
    "uploads": data.uploads_moving,
    "kept-files": files.kept_files_there,
    "duplicates": data.duplicates,
    "orphans": data.orphans,
    "strangers": data.strangers,
    "contact-counters": data.contact_counters,
    "upload-counts": data.upload_counts,
    "search-index": data.search_index,
}

WITHOUT_DATABASE = frozenset(["redis", "redis-persistence", "disk"])


def verify(
    *, scope: Scope, only: Sequence[str] = (), seconds_each: int
) -> Iterator[Result]:
    """Yield a line for each check as it is made; `only` names some of CHECKS.

    A check that takes longer than `seconds_each` in the database is given up with a
    warning. None of them writes.
    """
    chosen = [(name, CHECKS[name]) for name in CHECKS if not only or name in only]
    return run(
        chosen,
        scope=scope,
        seconds_each=seconds_each,
        without_database=WITHOUT_DATABASE,
    )
