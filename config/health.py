"""GET /healthz: whether this process can do its work, for whatever restarts it.

    {"status": "ok", "database": "ok", "redis": "ok", "oldest_pending_seconds": 0.0,
     "processes": {"messages": "ok", "files": "ok", "background": "ok", "beat": "ok"},
     "stuck": []}

200 as long as the database answers. Redis is only the doorbell: without it everything
still arrives, a little later, and restarting web would not bring it back. So its loss
shows in the answer (`"status": "degraded"`) and not in the code. The age of the oldest
unprocessed event is the figure to watch: it grows when the workers are gone.

A kind of process of which none was seen for 90 s is `gone`; `stuck` names the workers
that don't get on, as `{"worker": "files@host", "upload": 17, "seconds": 130}`. Either
makes it `degraded`. Anybody may ask: there are ids in the answer, and no names of files
or tenants.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import redis
from django.conf import settings
from django.db import Error, connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from config.workers import State, find_stuck, last_marks, states
from messaging.models import WebhookEvent

logger = logging.getLogger(__name__)

STATEMENT_TIMEOUT_MS = 2000
REDIS_TIMEOUT_SECONDS = 0.5

Answer = Callable[[HttpRequest], HttpResponse]


def health_middleware(get_response: Answer) -> Answer:
    """Answer /healthz ahead of everything else.

    Load balancers and containers ask by address: the check of the host name, the
    redirect to https and the session are not for them.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        if request.path == "/healthz" and request.method in ("GET", "HEAD"):
            return healthz(now=timezone.now())
        return get_response(request)

    return answer


def healthz(*, now: datetime) -> JsonResponse:
    """Return the answer described above; never raises for a database that is away."""
    redis_answers = ask_redis()
    try:
        with statements_limited():
            oldest_at = oldest_pending_at()
            marks = last_marks(now=now)
            stuck = find_stuck(marks=marks, now=now)
    except Error as exc:
        logger.warning("Health: the database does not answer: %s", exc)
        return down(redis="ok" if redis_answers else "unreachable")
    age = (now - oldest_at).total_seconds() if oldest_at else 0.0
    processes = states(marks, now=now)
    is_well = redis_answers and not stuck and set(processes.values()) == {State.OK}
    return JsonResponse(
        {
            "status": "ok" if is_well else "degraded",
            "database": "ok",
            "redis": "ok" if redis_answers else "unreachable",
            "oldest_pending_seconds": round(age, 1),
            "processes": processes,
            "stuck": [
                {
                    "worker": one.worker,
                    "upload": one.upload_id,
                    "seconds": one.seconds,
                }
                for one in stuck
            ],
        }
    )


def silent() -> JsonResponse:
    """Return the answer when the database says nothing at all, not even no."""
    logger.warning("Health: the database says nothing")
    return down(redis="unknown")


def down(*, redis: str) -> JsonResponse:
    """Return the answer without a database; 503."""
    return JsonResponse(
        {
            "status": "down",
            "database": "unreachable",
            "redis": redis,
            "oldest_pending_seconds": None,
            "processes": {},
            "stuck": [],
        },
        status=503,
    )


@contextmanager
def statements_limited() -> Iterator[None]:
    """Limit each statement: a database that hangs must not hang whoever asks."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}")
        yield


def oldest_pending_at() -> datetime | None:
    """Return when the oldest unprocessed event came; raises `Error`."""
    return (
        WebhookEvent.objects.filter(status=WebhookEvent.Status.PENDING)
        .order_by("id")
        .values_list("received_at", flat=True)
        .first()
    )


def ask_redis() -> bool:
    """Tell whether Redis answers within half a second."""
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        retry=None,
    )
    try:
        with client:
            return bool(client.ping())
    except redis.RedisError:
        return False
