"""Which queue each task goes to, and who takes from which."""

from collections.abc import Iterator

import pytest
from celery.signals import after_task_publish
from django.conf import settings

from config.celery import app, queue_sweeps
from config.management.commands.start import WORKERS

OF_MESSAGES = {
    "messaging.tasks.drain",
    "messaging.tasks.sweep",
}
OF_FILES = {
    "uploads.tasks.load_parts",
    "uploads.tasks.process_upload",
    "uploads.tasks.sweep",
}


def queue_of(task: str) -> str:
    return str(app.amqp.router.route({}, task)["queue"].name)


@pytest.fixture
def published() -> Iterator[set[tuple[str, str]]]:
    """The tasks that were sent to the real broker, each with its queue."""
    sent: set[tuple[str, str]] = set()

    def note(sender: str, routing_key: str, **_: object) -> None:
        sent.add((sender, routing_key))

    after_task_publish.connect(note, weak=False)
    yield sent
    after_task_publish.disconnect(note)


def test_every_task_has_its_queue_and_no_slow_one_that_of_messages() -> None:
    app.loader.import_default_modules()
    ours = [name for name in app.tasks if not name.startswith("celery.")]

    queues = {name: queue_of(name) for name in ours}

    assert {name for name in ours if queues[name] == "messages"} == OF_MESSAGES
    assert {name for name in ours if queues[name] == "files"} == OF_FILES
    others = set(ours) - OF_MESSAGES - OF_FILES
    assert {queues[name] for name in others} == {"background"}


def test_a_worker_without_q_takes_from_every_queue_and_from_that_of_old() -> None:
    assert set(app.amqp.queues.consume_from) == {
        "messages",
        "files",
        "background",
        "celery",
    }


def test_the_workers_of_start_take_from_every_queue_once() -> None:
    taken = [queue for queues, _ in WORKERS.values() for queue in queues]

    assert sorted(taken) == sorted(queue.name for queue in settings.CELERY_TASK_QUEUES)
    assert WORKERS["messages"][1] >= 2


@pytest.mark.parametrize(
    ("queue", "tasks"),
    [
        ("messages", {"messaging.tasks.sweep"}),
        ("files", {"uploads.tasks.sweep", "uploads.tasks.load_parts"}),
        ("background", {"messaging.tasks.sweep_media"}),
        ("celery", set()),
    ],
)
def test_a_worker_that_starts_sweeps_its_own(
    queue: str, tasks: set[str], published: set[tuple[str, str]]
) -> None:
    app.loader.import_default_modules()

    queue_sweeps([queue])

    assert published == {(task, queue) for task in tasks}


@pytest.mark.parametrize("name", app.conf.beat_schedule)
def test_what_beat_calls_expires_before_it_is_called_again(name: str) -> None:
    app.loader.import_default_modules()
    entry = app.conf.beat_schedule[name]

    task = app.tasks[str(entry["task"])]

    assert task.expires < entry["schedule"]
