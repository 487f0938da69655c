"""Fetching a file over the wire, from a service that behaves well or does not."""

import base64
import hashlib
import io
import tracemalloc
from typing import Any, BinaryIO

import pytest

from messaging.media.graph import GraphApi, Order, TooLarge
from messaging.media.transfer import NotFetched, Patience
from messaging.tests import graph_service
from messaging.tests.graph_service import PHOTO, TOKEN, GraphService, running
from messaging.whatsapp.media import sha256_of

HASH = hashlib.sha256(PHOTO)
PATIENCE = Patience(silence_seconds=0.3, seconds=5)


@pytest.fixture
def graph(graph: GraphService) -> GraphService:
    graph.files["1"] = PHOTO
    return graph


def fetch(
    graph: GraphService,
    *,
    sha256: str = HASH.hexdigest(),
    token: str = TOKEN,
    media_id: str = "1",
    patience: Patience = PATIENCE,
    max_bytes: int = 100_000,
    into: BinaryIO | None = None,
) -> bytes:
    file = into or io.BytesIO()
    api = GraphApi(url=graph.url, patience=patience, max_bytes=max_bytes)
    order = Order(
        media_id=media_id, phone_number_id="114620538274910", token=token, sha256=sha256
    )
    fetched = api.fetch(order, into=file)
    file.seek(0)
    content = file.read()
    assert fetched.size_bytes == len(content)
    assert fetched.sha256 == hashlib.sha256(content).hexdigest()
    return content


def reason(graph: GraphService, **how: Any) -> str:
    with pytest.raises(NotFetched) as caught:
        fetch(graph, **how)
    return str(caught.value)


def test_a_file_comes_in_two_steps_with_the_numbers_token(graph):
    assert fetch(graph) == PHOTO

    asked, got = graph.requests
    assert (asked.path, got.path) == ("/v25.0/1", "/files/1/fresh")
    assert asked.query == {"phone_number_id": ["114620538274910"]}
    assert asked.authorization == got.authorization == f"Bearer {TOKEN}"


def test_an_address_whose_five_minutes_are_over_is_asked_for_again(graph):
    graph.stale_addresses = 1

    assert fetch(graph) == PHOTO
    assert graph.paths() == ["/v25.0/1", "/files/1/stale", "/v25.0/1", "/files/1/fresh"]


def test_an_address_that_is_stale_twice_is_left_to_the_next_attempt(graph):
    graph.stale_addresses = 2

    assert "leads nowhere" in reason(graph)
    assert len(graph.requests) == 4


@pytest.mark.parametrize(
    "spelling",
    [
        pytest.param(base64.b64encode(HASH.digest()).decode(), id="webhooks' base64"),
        pytest.param(base64.urlsafe_b64encode(HASH.digest()).decode(), id="url-safe"),
        pytest.param(
            base64.b64encode(HASH.digest()).decode().rstrip("="), id="no padding"
        ),
        pytest.param(HASH.hexdigest(), id="hex"),
        pytest.param(f" {HASH.hexdigest().upper()}\n", id="hex in capitals"),
    ],
)
def test_a_hash_is_understood_in_every_spelling(spelling):
    assert sha256_of(spelling) == HASH.hexdigest()


@pytest.mark.parametrize(
    "value", [None, 7, "", "no hash", "ab" * 31, "é" * 64, "=" * 44, ["a"], "A" * 5000]
)
def test_what_is_no_hash_is_none(value):
    assert sha256_of(value) == ""


def test_the_answers_own_hash_stands_in_for_one_the_webhook_left_out(graph):
    assert fetch(graph, sha256="") == PHOTO

    graph.description = {"sha256": hashlib.sha256(b"else").hexdigest()}
    assert "SHA-256 differs" in reason(graph, sha256="")


def test_a_redirect_within_the_service_is_followed(graph):
    there = f"{graph.origin}/files/1/there"
    graph.answer = lambda handler, content: (
        handler.reply(content)
        if "there" in handler.path
        else handler.reply(b"", status=302, Location=there)
    )

    assert fetch(graph) == PHOTO
    assert graph.requests[-1].authorization == f"Bearer {TOKEN}"


ANSWERS = {
    "other content": (graph_service.other_content, "SHA-256 differs"),
    "broken off": (graph_service.break_off, "broke off"),
    "broken off in a chunk": (graph_service.break_off_a_chunk, "broke off"),
    "empty": (lambda handler, _: handler.reply(b""), "broke off"),
    "silence": (graph_service.say_nothing, "broke off (TimeoutError)"),
    "a server's error": (graph_service.status(500), "in trouble (HTTP 500)"),
    "refused there": (graph_service.status(403), "does not give out"),
    "no content": (graph_service.status(204), "does not give out"),
    "not signed in": (graph_service.status(401), "refuses the number's access token"),
    "no such address": (graph_service.status(404), "leads nowhere"),
    "gone": (graph_service.status(410), "leads nowhere"),
    "a redirect to nowhere": (graph_service.redirect_to(""), "more than 3 times"),
    "a redirect to a file": (graph_service.redirect_to("file:///x"), "no web address"),
    "a redirect with a line": (graph_service.redirect_to("/a b"), "InvalidURL"),
}


@pytest.mark.parametrize(("answer", "words"), ANSWERS.values(), ids=ANSWERS.keys())
def test_a_file_that_does_not_arrive_whole_is_not_taken(graph, answer, words):
    graph.answer = answer

    assert words in reason(graph)


def test_a_redirect_in_circles_ends(graph):
    graph.answer = graph_service.redirect_to("/files/1/again")

    assert "redirected more than 3 times" in reason(graph)
    assert len(graph.requests) == 1 + 4


DESCRIPTIONS = {
    "not JSON": (lambda handler, _: handler.reply(b"<html>"), "names no address"),
    "a list": (lambda handler, _: handler.reply(b"[1]"), "names no address"),
    "too deep": (lambda handler, _: handler.reply(b"[" * 50_000), "names no address"),
    "unknown id": (lambda handler, _: handler.refuse(400, 100), "HTTP 400, code 100"),
    "404": (lambda handler, _: handler.refuse(404, 100), "does not give out"),
    "token expired": (lambda handler, _: handler.refuse(401, 190), "enter a new one"),
    "no permission": (lambda handler, _: handler.refuse(403, 200), "enter a new one"),
    "code as text": (lambda handler, _: handler.refuse(400, "190"), "(HTTP 400)"),
    "too many": (lambda handler, _: handler.refuse(429, 4), "slow down (HTTP 429"),
    "too many, as 400": (lambda handler, _: handler.refuse(400, 130429), "slow down"),
    "in trouble": (lambda handler, _: handler.refuse(503, 2), "HTTP 503, code 2"),
    "silence": (graph_service.say_nothing, "TimeoutError"),
}


@pytest.mark.parametrize(
    ("describe", "words"), DESCRIPTIONS.values(), ids=DESCRIPTIONS.keys()
)
def test_an_answer_without_a_file_says_what_to_do(graph, describe, words):
    graph.describe = describe

    assert words in reason(graph)
    assert TOKEN not in reason(graph)


@pytest.mark.parametrize("url", [None, "", 7, ["x"]])
def test_an_answer_without_an_address_is_no_answer(graph, url):
    graph.description = {"url": url}

    assert "names no address" in reason(graph)


def test_a_media_id_cannot_lead_elsewhere_in_the_service(graph):
    reason(graph, media_id="../me?fields=name#")

    assert graph.paths() == ["/v25.0/..%2Fme%3Ffields%3Dname%23"]


# Size, time and memory


@pytest.mark.parametrize("stated", ["100001", 100_001, " 100001 ", "9" * 19])
def test_a_file_too_large_by_the_answer_is_not_asked_for(graph, stated):
    graph.description = {"file_size": stated}

    with pytest.raises(TooLarge, match="larger than"):
        fetch(graph)
    assert len(graph.requests) == 1


@pytest.mark.parametrize("stated", ["-1", "1e9", "many", None, {}, "9" * 5000])
def test_a_size_that_is_none_is_not_believed(graph, stated):
    graph.description = {"file_size": stated}

    assert fetch(graph) == PHOTO


@pytest.mark.parametrize(
    "answer",
    [graph_service.Handler.reply, graph_service.without_length],
    ids=["declared", "undeclared"],
)
def test_a_file_too_large_on_the_way_is_let_go(graph, answer):
    graph.description = {"file_size": "10"}
    graph.answer = answer
    file = io.BytesIO()

    with pytest.raises(TooLarge):
        fetch(graph, max_bytes=len(PHOTO) - 1, into=file)
    assert len(file.getvalue()) < len(PHOTO)


def test_a_file_of_the_largest_size_is_taken(graph):
    assert fetch(graph, max_bytes=len(PHOTO)) == PHOTO


def test_a_file_without_a_length_is_taken(graph):
    graph.answer = graph_service.without_length

    assert fetch(graph) == PHOTO


@pytest.mark.parametrize("answer", [graph_service.drip, graph_service.drip_headers])
@pytest.mark.parametrize("sha256", [HASH.hexdigest(), ""], ids=["hash", "no hash"])
def test_a_file_that_drips_is_cut_off_in_time(graph, answer, sha256):
    graph.answer = answer
    graph.description = {"sha256": ""}

    words = reason(graph, patience=Patience(silence_seconds=5, seconds=0.3))

    assert "took longer than 0.3 seconds" in words


def test_nobody_there_is_said_so(graph):
    with running(GraphService()) as gone:
        pass

    assert "cannot be reached, or broke off" in reason(gone)


def test_a_second_try_does_not_keep_what_the_first_one_wrote(graph):
    file = io.BytesIO(b"left over" * 1000)

    assert fetch(graph, into=file) == PHOTO


def test_memory_stays_flat_whatever_the_size(graph, tmp_path):
    megabyte, count = b"\x00" * 1_000_000, 20

    def pour(handler: graph_service.Handler, _: bytes) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _turn in range(count):
            handler.wfile.write(megabyte)
        handler.close_connection = True

    graph.answer = pour
    graph.description = {"sha256": hashlib.sha256(megabyte * count).hexdigest()}
    tracemalloc.start()
    try:
        with (tmp_path / "film").open("w+b") as file:
            api = GraphApi(url=graph.url)
            api.fetch(Order(media_id="1", phone_number_id="2", token=TOKEN), into=file)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (tmp_path / "film").stat().st_size == count * len(megabyte)
    assert peak < 2_000_000
