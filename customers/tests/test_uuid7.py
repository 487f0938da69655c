import time
import uuid

from customers.uuid7 import uuid7


def test_an_id_is_version_7_and_carries_the_moment() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid7()
    after = time.time_ns() // 1_000_000

    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert before <= made.int >> 80 <= after


def test_ids_of_later_milliseconds_sort_later_and_none_repeats() -> None:
    made = [uuid7() for _ in range(10_000)]

    moments = [one.int >> 80 for one in made]
    assert moments == sorted(moments)
    assert len(set(made)) == len(made)
