"""PostgreSQL goes away, or hangs, under a real web server, and comes back."""

from tests.processes import wait_until
from tests.web_server import Web


def test_only_what_is_stored_is_answered_200_whatever_the_database_does(
    web: Web,
) -> None:
    processes = web.processes()
    many = [b"at once %d" % number for number in range(200)]
    lost = [b"lost %d" % number for number in range(40)]

    assert web.post_at_once(many) == [200] * 200
    assert sorted(web.bodies()) == sorted(many)

    web.stop_database()
    assert web.post_at_once(lost) == [503] * 40

    web.manage("check")
    assert web.post(b"first after the restart") == 200
    assert sorted(web.bodies()) == sorted([*many, b"first after the restart"])

    with web.database() as database:
        database.execute("LOCK TABLE webhook_events")
        assert web.post_at_once(lost) == [503] * 40
    wait_until(lambda: web.post(b"after the lock") == 200, what="stored again")
    stored = web.bodies()
    # Who was told 503 may be stored all the same, once: Meta sends it again.
    assert len(stored) == len(set(stored))
    assert set(stored) >= {*many, b"first after the restart", b"after the lock"}
    assert web.processes() == processes
