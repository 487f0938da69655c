"""Connections that occupy the server, and the signed posts beside them."""

import time

from tests.web_server import EndlessBody, SlowClients, Web


def test_hundreds_of_slow_connections_delay_no_signed_post(web: Web) -> None:
    bodies = [b"beside them %d" % number for number in range(100)]
    seconds = []

    with SlowClients(web.port, count=500) as slow:
        for body in bodies:
            began_at = time.monotonic()
            assert web.post(body) == 200
            seconds.append(time.monotonic() - began_at)
        endless = [
            EndlessBody(web.port, path)
            for path in ("/api/v1/uploads/", "/admin/login/", "/nowhere/")
        ]
        # Each is ended by its limit of time, and opened again, as an attacker would.
        deadline = time.monotonic() + 60
        while slow.ended_count < 300:
            assert web.post(b"again") == 200
            assert time.monotonic() < deadline

    assert sorted(seconds)[98] < 1
    assert set(web.bodies()) == {*bodies, b"again"}
    # Much of it lies in the buffers of the sockets.
    assert max(body.sent_bytes for body in endless) < 32 << 20


def test_a_length_that_is_none_is_refused(web: Web) -> None:
    for length in ("-1", "1e3", "9" * 5000, "5, 6"):
        answer = web.raw(
            "POST /webhooks/whatsapp/ HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Length: {length}\r\n\r\n".encode()
        )

        assert answer.startswith(b"HTTP/1.1 400"), length
    assert web.post(b"after") == 200


def test_a_body_that_breaks_off_is_answered_400(web: Web) -> None:
    for path in ("/webhooks/whatsapp/", "/admin/login/", "/api/v1/contacts/", "/no/"):
        for rest in (
            b"Content-Length: 100\r\n\r\nabc",
            b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        ):
            answer = web.raw(
                f"POST {path} HTTP/1.1\r\nHost: localhost\r\n".encode() + rest,
                half_closed=True,
            )

            assert answer.startswith(b"HTTP/1.1 400"), (path, rest, answer[:40])
