"""A body that comes slowly, too large, or not at all."""

import pytest

from config.server.request_body import (
    BodyBrokenOff,
    BodyLimits,
    BodyTooLarge,
    BodyTooSlow,
    Memory,
    NoRoom,
    receive_body,
    receive_file,
    stated_length,
)
from config.tests.asgi_client import Client, on_an_event_loop

LIMITS = BodyLimits(max_bytes=100_000, seconds=20)


async def receive(
    client: Client,
    limits: BodyLimits = LIMITS,
    *,
    length: int | None = None,
    memory: Memory | None = None,
) -> bytes:
    with (memory or Memory(2**20)).reservation() as reservation:
        return await receive_body(
            client.receive, limits, length=length, reservation=reservation
        )


@on_an_event_loop
async def test_a_body_in_pieces_is_put_together():
    assert await receive(Client([b"one ", b"", b"two"])) == b"one two"


@on_an_event_loop
async def test_of_a_body_that_says_it_is_too_large_nothing_is_read():
    client = Client([b"x"])

    with pytest.raises(BodyTooLarge, match=r"larger than 0\.1 MB"):
        await receive(client, length=100_001)

    assert client.taken == 0


@on_an_event_loop
async def test_a_body_that_turns_out_too_large_is_read_no_further():
    client = Client([b"x" * 60_000] * 50)

    with pytest.raises(BodyTooLarge):
        await receive(client)

    assert client.taken == 2


@pytest.mark.parametrize("pieces", [[], [b"some of it"]], ids=["nothing", "a part"])
@on_an_event_loop
async def test_a_body_that_stops_coming_is_given_up(pieces):
    with pytest.raises(BodyTooSlow):
        await receive(
            Client(pieces, ends=False), BodyLimits(max_bytes=100, seconds=0.05)
        )


@on_an_event_loop
async def test_a_rate_gives_a_body_time_for_each_byte():
    limits = BodyLimits(max_bytes=100, seconds=2, bytes_per_second=10)

    assert [limits.seconds_for(size) for size in (0, 50)] == [2, 7]
    with pytest.raises(BodyTooSlow):
        await receive(
            Client([b"x"], ends=False),
            BodyLimits(max_bytes=100, seconds=0.01, bytes_per_second=100),
        )


@on_an_event_loop
async def test_a_client_that_ends_its_body_early_is_told_so():
    with pytest.raises(BodyBrokenOff):
        await receive(Client([b"half"], ends=False, leaves=True))


@on_an_event_loop
async def test_large_bodies_share_their_memory_and_small_ones_always_fit():
    memory = Memory(150_000)
    limits = BodyLimits(max_bytes=200_000, seconds=20)
    with memory.reservation() as others:
        others.grow(140_000)

        with pytest.raises(NoRoom):
            await receive(Client([b"x" * 40_000] * 3), limits, memory=memory)
        small = await receive(Client([b"x" * 60_000]), limits, memory=memory)

    assert len(small) == 60_000
    assert memory.used == 0


@on_an_event_loop
async def test_a_file_is_received_on_disk_within_the_same_limits():
    with await receive_file(
        Client([b"a" * 40_000, b"b" * 40_000]).receive, LIMITS, length=None
    ) as file:
        assert file.read() == b"a" * 40_000 + b"b" * 40_000

    with pytest.raises(BodyTooLarge):
        await receive_file(Client([b"a" * 60_000] * 2).receive, LIMITS, length=None)


@pytest.mark.parametrize(
    ("value", "length"),
    [
        (b"0", 0),
        (b"100000000000", 100_000_000_000),
        (b"-1", None),
        (b"1e3", None),
        (b"9" * 5000, None),
        ("٣".encode(), None),
    ],
)
def test_only_plain_digits_state_a_length(value, length):
    assert stated_length([(b"host", b"x"), (b"content-length", value)]) == length
