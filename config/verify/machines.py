"""Checks of what the product runs on: settings, servers, disk."""

import os
import shutil
from pathlib import Path

import redis
from django.conf import settings
from django.core import checks
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from config.first_login import first_login_opens
from config.verify.report import Finding, Scope, fail, ok, warn

MIGRATE = "Run: manage.py migrate"
OLDEST_POSTGRESQL = 15
REDIS_TIMEOUT_SECONDS = 2
FREE_SHARE_WARN = 0.10
FREE_SHARE_FAIL = 0.03
CONNECTIONS_SHARE_WARN = 0.85


def settings_fit(scope: Scope) -> Finding:
    """Whether the settings are those of a production server."""
    faults = [
        *(["DEBUG is on: pages show code and settings"] if settings.DEBUG else []),
        *(["ALLOWED_HOSTS holds *"] if "*" in settings.ALLOWED_HOSTS else []),
        *(["the account admin has the password admin"] if first_login_opens() else []),
    ]
    doubts = [
        *(["LOG_PERSONAL_DATA is on"] if settings.LOG_PERSONAL_DATA else []),
        *([] if settings.HTTPS else ["HTTPS is off: logins travel in clear text"]),
        *(["the servers are the embedded ones"] if settings.EMBEDDED else []),
        *(
            f"{message.msg} ({message.id})"
            for message in checks.run_checks(tags=[checks.Tags.security])
            if message.level >= checks.ERROR
        ),
    ]
    if settings.EMBEDDED:  # one machine, for a trial: it may be all of this
        doubts, faults = faults + doubts, []
    next_step = "The README's table of settings says how each is set for production."
    if faults:
        return fail("; ".join(faults + doubts), next_step)
    if doubts:
        return warn("; ".join(doubts), next_step)
    return ok("fit for production")


def database_sound(scope: Scope) -> Finding:
    """The server's version, and whether what it confirms is really on the disk."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'),"
            " current_setting('server_version_num')::int / 10000,"
            " current_setting('server_encoding'), current_setting('fsync'),"
            " current_setting('full_page_writes'),"
            " current_setting('synchronous_commit'),"
            " current_setting('max_connections')::int,"
            " (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL)"
        )
        version, major, encoding, fsync, full_pages, commit, most, used = (
            cursor.fetchone()
        )
    found = f"PostgreSQL {version}, {used} of {most} connections in use"
    if major < OLDEST_POSTGRESQL:
        return fail(found, f"Upgrade to PostgreSQL {OLDEST_POSTGRESQL} or newer.")
    if encoding != "UTF8":
        return fail(
            f"{found}, encoding {encoding}",
            "Create the database with ENCODING 'UTF8' and restore it there.",
        )
    unsafe = [
        name
        for name, value in (
            ("fsync", fsync),
            ("full_page_writes", full_pages),
            ("synchronous_commit", commit),
        )
        if value == "off"
    ]
    if unsafe:
        return fail(
            f"{found}; {', '.join(unsafe)} off: a power cut loses what was confirmed",
            "Set it on in postgresql.conf and reload.",
        )
    if used > CONNECTIONS_SHARE_WARN * most:
        return warn(found, "Raise max_connections, or run fewer web processes.")
    return ok(found)


def migrations_applied(scope: Scope) -> Finding:
    """Whether code and tables are of one age."""
    executor = MigrationExecutor(connection)
    if missing := not_applied(executor):
        return fail(f"not applied: {', '.join(missing[:5])}", MIGRATE)
    known = executor.loader.disk_migrations or {}
    ours = {app_label for app_label, _ in known}
    newer = [
        f"{app_label}.{name}"
        for app_label, name in executor.loader.applied_migrations
        if app_label in ours and (app_label, name) not in known
    ]
    if newer:
        return warn(
            f"applied, but not in this code: {', '.join(sorted(newer)[:5])}",
            "The code is older than the database: see rolling back in "
            "docs/operations.md.",
        )
    return ok(f"all {len(executor.loader.applied_migrations)} applied")


def not_applied(executor: MigrationExecutor) -> list[str]:
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def redis_answers(scope: Scope) -> Finding:
    """Whether the doorbell works. Without it everything arrives, but later."""
    try:
        with _redis() as client:
            client.ping()
    except redis.RedisError as exc:
        return fail(
            f"does not answer: {type(exc).__name__}",
            "Start Redis, or mend REDIS_URL. Until then beat does the workers' work, "
            "slower.",
        )
    return ok("answers")


def redis_persists(scope: Scope) -> Finding:
    """Whether what is queued survives a restart of Redis."""
    try:
        with _redis() as client:
            config: dict[str, str] = {}
            for name in ("appendonly", "save", "maxmemory-policy"):
                config |= client.config_get(name)
            state = client.info("persistence")
    except redis.ResponseError:
        return ok("not shown by this Redis: its host keeps it")
    except redis.RedisError as exc:
        return fail(f"cannot be asked: {type(exc).__name__}", "See the check redis.")
    if config.get("maxmemory-policy", "noeviction") != "noeviction":
        return warn(
            f"maxmemory-policy {config['maxmemory-policy']}: queued tasks may vanish",
            "Set maxmemory-policy noeviction. The sweep finds what was lost.",
        )
    if "err" in (state["aof_last_write_status"], state["rdb_last_bgsave_status"]):
        return fail(
            "the last write to its disk failed", "Look for space on Redis' disk."
        )
    if config.get("appendonly") != "yes" and not config.get("save"):
        return warn(
            "keeps nothing over a restart",
            "Set appendonly yes. The sweep finds what was lost.",
        )
    return ok("keeps its queue over a restart")


def _redis() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        retry=None,
        decode_responses=True,
    )


def disk_has_room(scope: Scope) -> Finding:
    """Whether kept files have room. PostgreSQL's own disk is its server's to watch."""
    folder = Path(settings.MEDIA_ROOT)
    while not folder.exists():
        folder = folder.parent
    total, _, free = shutil.disk_usage(folder)
    if not total or not os.access(folder, os.W_OK):
        return fail(
            "MEDIA_ROOT cannot be written to", "Give the product's user that folder."
        )
    found = f"{free / total:.0%} free, {free / 2**30:,.1f} GiB, where files are kept"
    next_step = "Run manage.py purge --dry-run, or give MEDIA_ROOT a larger disk."
    if free < FREE_SHARE_FAIL * total:
        return fail(found, next_step)
    if free < FREE_SHARE_WARN * total:
        return warn(found, next_step)
    return ok(found)
