"""Checks of the processes beside web: do they run, and do they get on?"""

from collections.abc import Mapping, Sequence

from config.models import ProcessMark
from config.verify.report import Finding, Scope, ago, fail, ok
from config.workers import LastMark, State, Stuck, find_stuck, last_marks, states

MOST_SHOWN = 5


def workers_alive(scope: Scope) -> Finding:
    """Whether there is a worker for messages, for files and for the rest."""
    marks = last_marks(now=scope.now)
    gone = [kind for kind in ProcessMark.QUEUES if _is_gone(scope, marks, kind)]
    if gone:
        found = "; ".join(f"{kind}: {_last_seen(scope, marks, kind)}" for kind in gone)
        queues = ",".join(gone)
        return fail(
            found,
            f"Start one: celery -A config worker --queues {queues}. When it runs, look "
            "at its log and at Redis: it leaves its mark as long as it is connected.",
        )
    return ok(
        ", ".join(
            f"{kind}: {_last_seen(scope, marks, kind)}" for kind in ProcessMark.QUEUES
        )
    )


def workers_get_on(scope: Scope) -> Finding:
    """Whether no worker is held up, by an upload or by anything else."""
    stuck = find_stuck(marks=last_marks(now=scope.now), now=scope.now)
    if not stuck:
        return ok("none is stuck")
    return fail(
        "; ".join(_sentence(one) for one in stuck[:MOST_SHOWN]),
        f"{_next_step(stuck)} Cancel an upload that does it again, on its page.",
    )


def _next_step(stuck: Sequence[Stuck]) -> str:
    """Say what to kill: who is past its time is killed by its worker, if that lives."""
    parents = sorted({one.worker_pid for one in stuck if one.worker_pid})
    if not parents:
        return (
            "What does not end by itself within some seconds: kill -9 it; if it is of "
            "a worker, the worker as well, which should have done so (`ps -o ppid= -p` "
            "the process, on its host), and start that again."
        )
    pids = [*parents, *sorted({one.pid for one in stuck if one.worker_pid and one.pid})]
    return (
        "The worker stops such a process within some seconds; named here for longer, "
        f"it is stuck itself: kill -9 {' '.join(map(str, pids))} (the worker, then its "
        "processes), and start it again if nothing else does."
    )


def _sentence(stuck: Stuck) -> str:
    since = ago(stuck.seconds)
    if stuck.upload_id is None:
        return f"{stuck.worker} has ended no task for {since}"
    of = f" of worker {stuck.worker_pid}" if stuck.worker_pid else ""
    process = f"{stuck.worker} (process {stuck.pid}{of})"
    return f"{process} is stuck in upload {stuck.upload_id} for {since}"


def beat_alive(scope: Scope) -> Finding:
    """Whether the sweeps are called, which find what no bell announced."""
    marks, kind = last_marks(now=scope.now), ProcessMark.Kind.BEAT
    if _is_gone(scope, marks, kind):
        return fail(
            _last_seen(scope, marks, kind), "Start it, once: celery -A config beat"
        )
    return ok(_last_seen(scope, marks, kind))


def _is_gone(scope: Scope, marks: Mapping[str, LastMark], kind: str) -> bool:
    return states(marks, now=scope.now)[kind] == State.GONE


def _last_seen(scope: Scope, marks: Mapping[str, LastMark], kind: str) -> str:
    mark = marks.get(kind, LastMark())
    if mark.seen_at is None:
        return "not seen within a day"
    seen = f"seen {ago((scope.now - mark.seen_at).total_seconds())} ago"
    if not mark.names:
        return f"last {seen}"
    return seen if len(mark.names) == 1 else f"{len(mark.names)} of them, {seen}"
