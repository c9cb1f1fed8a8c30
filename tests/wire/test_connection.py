"""One connection: what of an answer is taken for one, and what ends the connection."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest

from sink.wire.connection import LARGEST_ANSWER, Answer, Connection, HungUpError
from tests.wire.serving import Caller, Talk, asking, on_both_loops, saying, serving


async def connect(url: str) -> Connection:
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, "127.0.0.1", urlsplit(url).port or 0)
    return connection


def answering(*parts: bytes, then_hang_up: bool = False) -> Talk:
    """One answer for each question, the last one followed by a hang-up where that is said."""

    async def talk(caller: Caller) -> None:
        for part in parts:
            await caller.question()
            caller.say(part)
        if then_hang_up:
            caller.hang_up()

    return talk


async def until_closed(connection: Connection) -> None:
    while connection.is_open:
        await asyncio.sleep(0)


async def ask(*parts: bytes, then_hang_up: bool = False) -> tuple[Answer, bool]:
    """The answer to one question, and whether the connection is still good when all has come."""
    async with serving(answering(*parts, then_hang_up=then_hang_up)) as url:
        connection = await connect(url)
        try:
            return await connection.ask(asking(), 5.0), connection.is_open
        finally:
            connection.close()


@on_both_loops
async def test_a_chunked_answer_is_put_together() -> None:
    """MNS and SLS send such as they like."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    answer, is_open = await ask(head + b"5\r\nhello\r\n1;x=y\r\n,\r\n0\r\nTrailer: 1\r\n\r\n")

    assert (answer.body, is_open) == (b"hello,", True)


@on_both_loops
async def test_an_answer_in_single_bytes_is_put_together() -> None:
    """A network cuts where it likes."""

    async def talk(caller: Caller) -> None:
        await caller.question()
        for byte in saying("hello", "X-Name: value"):
            caller.say(bytes([byte]))
            await asyncio.sleep(0)

    async with serving(talk) as url:
        connection = await connect(url)
        answer = await connection.ask(asking(), 5.0)
        connection.close()

    assert answer == Answer(200, {"content-length": "5", "x-name": "value"}, b"hello")


@on_both_loops
@pytest.mark.parametrize("status", ["100 Continue", "103 Early Hints"])
async def test_an_interim_answer_announces_the_answer(status: str) -> None:
    """Its headers are none of the answer's."""
    interim = f"HTTP/1.1 {status}\r\nLink: </x>\r\n\r\n".encode()

    answer, is_open = await ask(interim + saying("done", status="201 Created"))

    assert (answer, is_open) == (Answer(201, {"content-length": "4"}, b"done"), True)


@on_both_loops
@pytest.mark.parametrize(
    "answer", [saying("x", "Connection: close"), b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx"]
)
async def test_a_connection_is_over_where_the_other_side_says_so(answer: bytes) -> None:
    """Whether it then hangs up or not."""
    found, is_open = await ask(answer)

    assert (found.body, is_open) == (b"x", False)


@on_both_loops
async def test_an_answer_without_a_body_is_whole() -> None:
    """204 has no Content-Length, and SLS's 200 to PutLogs has 0."""
    assert (await ask(b"HTTP/1.1 204 No Content\r\n\r\n"))[0] == Answer(204, {}, b"")
    assert (await ask(saying("")))[0].body == b""


NO_ANSWERS = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nxyz",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "two ways": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no length": b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    "a bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
}


@on_both_loops
@pytest.mark.parametrize("what", NO_ANSWERS)
async def test_what_is_no_http_ends_the_connection(what: str) -> None:
    """Not only the question: what follows could be anything."""
    async with serving(answering(NO_ANSWERS[what])) as url:
        connection = await connect(url)
        with pytest.raises(ConnectionError, match="no HTTP"):
            await connection.ask(asking(), 5.0)
        assert not connection.is_open


@on_both_loops
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Le",
        saying("half an answer")[:-3],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nuntil the end, whichever that is",
    ],
)
async def test_a_truncated_answer_is_none(answer: bytes) -> None:
    """The last one may be whole, but nothing tells: what ends with the connection is not trusted."""
    with pytest.raises(ConnectionError, match="the connection was closed") as caught:
        await ask(answer, then_hang_up=True)

    assert not isinstance(caught.value, HungUpError)


@on_both_loops
async def test_a_hang_up_before_the_answer_is_told_apart() -> None:
    """Only then may the question be asked again without a second thought."""
    with pytest.raises(HungUpError):
        await ask(b"", then_hang_up=True)


@on_both_loops
async def test_a_closed_connection_is_not_waited_for() -> None:
    """It may be lost between the moment it was made and the question."""
    async with serving(answering(then_hang_up=True)) as url:
        connection = await connect(url)
        await until_closed(connection)
        with pytest.raises(HungUpError):
            await connection.ask(asking(), 60.0)


@on_both_loops
async def test_of_two_answers_the_first_counts_and_the_connection_ends() -> None:
    """The second one would go to the next question."""
    answer, is_open = await ask(saying("first") + saying("second"))

    assert (answer.body, is_open) == (b"first", False)


@on_both_loops
async def test_an_answer_to_no_question_ends_the_connection() -> None:
    """Before the first question or behind an answer."""

    async def talk(caller: Caller) -> None:
        caller.say(saying("unasked"))

    async with serving(talk) as url:
        await until_closed(await connect(url))
    async with serving(answering(saying("asked"))) as url:
        connection = await connect(url)
        await connection.ask(asking(), 5.0)
        connection.data_received(b"more")
        assert not connection.is_open


@on_both_loops
@pytest.mark.parametrize("too_much", [0, 1])
async def test_an_answer_may_be_so_large(too_much: int) -> None:
    """A stranger's download is not kept in memory."""
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {LARGEST_ANSWER}\r\n\r\n".encode()
    length = LARGEST_ANSWER - len(head) + too_much
    answer = head.replace(b"%d" % LARGEST_ANSWER, b"%d" % length) + b"x" * length
    if too_much:
        with pytest.raises(ConnectionError, match="more than 16,777,216 bytes"):
            await ask(answer)
    else:
        assert len((await ask(answer))[0].body) == length


@on_both_loops
async def test_headers_without_end_are_too_much() -> None:
    """They are counted like the body."""

    async def talk(caller: Caller) -> None:
        await caller.question()
        caller.say(b"HTTP/1.1 200 OK\r\n")
        for number in range(LARGEST_ANSWER // 16384 + 1):
            caller.say(b"X-%d: %s\r\n" % (number, b"x" * 16384))

    async with serving(talk) as url:
        connection = await connect(url)
        with pytest.raises(ConnectionError, match="more than"):
            await connection.ask(asking(), 10.0)


@on_both_loops
async def test_time_is_up_for_a_whole_answer() -> None:
    """Its first half does not buy it more."""
    async with serving(answering(saying("half an answer")[:-3])) as url:
        connection = await connect(url)
        with pytest.raises(TimeoutError, match=r"0\.02 s passed"):
            await connection.ask(asking(), 0.02)
        assert not connection.is_open
