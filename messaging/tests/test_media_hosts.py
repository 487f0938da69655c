"""To whom an access token is sent, and to whom it never is."""

from collections.abc import Iterator

import pytest

from messaging.media.graph import Order
from messaging.media.transfer import NotFetched, trusted_address
from messaging.tests import graph_service
from messaging.tests.graph_service import PHOTO, TOKEN, GraphService, running
from messaging.tests.test_media_graph import reason


@pytest.fixture
def foreign() -> Iterator[GraphService]:
    """Somebody else's server, who would love to know the token."""
    with running(GraphService()) as service:
        service.files["1"] = PHOTO
        yield service


@pytest.mark.parametrize(
    "url",
    [
        "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1&hash=A",
        "https://graph.facebook.com/v25.0/1",
        "https://mmg.whatsapp.net/f",
        "https://scontent.fbcdn.net/f",
        "https://LOOKASIDE.fbsbx.com:443/f",
        "http://127.0.0.1:8123/files/1",
    ],
)
def test_the_token_goes_to_meta_and_to_the_configured_service(url):
    assert trusted_address(url, service="http://127.0.0.1:8123/v25.0")


@pytest.mark.parametrize(
    "url",
    [
        "http://lookaside.fbsbx.com/f",
        "http://lookaside.fbsbx.com:443/f",
        "https://lookaside.fbsbx.com:8443/f",
        "https://lookaside.fbsbx.com.example.com/f",
        "https://evilfbsbx.com/f",
        "https://fbsbx.com@example.com/f",
        "https://example.com/?https://lookaside.fbsbx.com",
        "https://example.com\\@lookaside.fbsbx.com.evil/f",
        "https://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:8124/files/1",
        "http://127.0.0.1/files/1",
        "https://127.0.0.1:8123/files/1",
        "http://localhost:8123/files/1",
        "ftp://lookaside.fbsbx.com/f",
        "//example.com/f",
        "lookaside.fbsbx.com/f",
        "",
    ],
)
def test_the_token_goes_nowhere_else(url):
    with pytest.raises(NotFetched, match="Refused"):
        trusted_address(url, service="http://127.0.0.1:8123/v25.0")


@pytest.mark.parametrize("service", ["", "graph.facebook.com/v25.0", "file:///v25.0"])
@pytest.mark.parametrize("url", ["", "localhost/f", "file:///etc/passwd", "http:///f"])
def test_a_mistyped_service_is_nobody(service, url):
    with pytest.raises(NotFetched, match="no web address"):
        trusted_address(url, service=service)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_foreign_host_is_not_even_asked(graph, foreign, host):
    graph.files["1"] = PHOTO
    there = f"http://{host}:{foreign.server_port}/files/1/fresh"

    graph.description = {"url": there}
    by_description = reason(graph)
    graph.description = {}
    graph.answer = graph_service.redirect_to(there)
    by_redirect = reason(graph)
    graph.describe = lambda handler, _: handler.reply(b"", status=307, Location=there)
    by_first_step = reason(graph)

    for words in (by_description, by_redirect, by_first_step):
        assert words.startswith("Refused: Meta's answer leads to")
        assert TOKEN not in words
    assert foreign.requests == []


@pytest.mark.parametrize("url", ["https://[::1", "https://a:b/", "https://a:99999/"])
def test_an_address_that_is_none_is_no_answer(graph, url):
    graph.files["1"] = PHOTO
    graph.description = {"url": url}

    assert "broke off (ValueError)" in reason(graph)


def test_an_order_does_not_show_its_token():
    order = Order(media_id="1", phone_number_id="2", token=TOKEN)

    assert TOKEN not in repr(order)
