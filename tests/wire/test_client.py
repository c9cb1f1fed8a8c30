"""Whole requests over connections that stay open: which one is asked, and what becomes of a broken one."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest

from sink.errors import Unreachable
from sink.wire import NO_ANSWER, Answer, Client
from tests.wire.serving import Caller, asking, client_of, echo, on_both_loops, saying, serving


async def failure(client: Client, answer_seconds: float = 10.0) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        await client.ask(asking(), answer_seconds)
    return caught.value


async def bodies(client: Client, *paths: str) -> list[str]:
    """The answers to these, asked one after another."""
    return [(await client.ask(asking(path))).body.decode() for path in paths]


@on_both_loops
async def test_a_connection_is_used_again() -> None:
    """A handshake costs more than a question."""
    async with serving(echo) as url, client_of(url) as client:
        assert await bodies(client, "/a", "/b", "/c") == ["1/a", "1/b", "1/c"]


@on_both_loops
async def test_an_answer_comes_with_status_and_headers() -> None:
    """Names in lower case, as HTTP takes any."""

    async def talk(caller: Caller) -> None:
        await caller.question()
        caller.say(saying("no", "X-Log-RequestId: R1", "X-Empty:", status="404 Not Found"))

    async with serving(talk) as url, client_of(url) as client:
        answer = await client.ask(asking())

    headers = {"content-length": "2", "x-log-requestid": "R1", "x-empty": ""}
    assert answer == Answer(404, headers, b"no")


@on_both_loops
@pytest.mark.parametrize("end", [Caller.hang_up, Caller.drop])
async def test_a_kept_connection_that_was_closed_is_replaced(end: Callable[[Caller], None]) -> None:
    """Nobody can know it before: the question is asked anew, once, on a fresh one."""

    async def talk(caller: Caller) -> None:
        if caller.number > 1:
            await echo(caller)
        await caller.question()
        caller.say(saying("1"))
        await caller.question()
        end(caller)

    async with serving(talk) as url, client_of(url) as client:
        assert await bodies(client, "/a", "/b", "/c") == ["1", "2/b", "2/c"]


@on_both_loops
@pytest.mark.parametrize("questions_answered", [0, 1])
async def test_a_fresh_connection_that_hangs_up_is_no_answer(questions_answered: int) -> None:
    """A question that makes the other side hang up is not asked for ever."""
    heard = []

    async def talk(caller: Caller) -> None:
        if caller.number == 1 and questions_answered:
            await caller.question()
            caller.say(saying("1"))
        heard.append(await caller.question())
        caller.hang_up()

    async with serving(talk) as url, client_of(url) as client:
        await bodies(client, *["/"] * questions_answered)
        error = await failure(client)

    assert (error.code, error.service, error.hint) == (NO_ANSWER, "Service", "Look there")
    assert heard == ["/"] * (1 + questions_answered)


@on_both_loops
async def test_of_many_kept_connections_one_is_tried() -> None:
    """The other side was restarted: a fresh connection is asked, and not each of the old ones first."""
    all_asked = asyncio.Barrier(3)
    heard = []

    async def talk(caller: Caller) -> None:
        if caller.number > 3:
            await echo(caller)
        path = await caller.question()
        await all_asked.wait()
        caller.say(saying(path))
        heard.append(await caller.question())
        caller.hang_up()

    async with serving(talk) as url, client_of(url, 3) as client:
        await asyncio.gather(*[client.ask(asking(f"/{number}")) for number in range(3)])
        assert await bodies(client, "/again") == ["4/again"]
        assert heard == ["/again"]


@on_both_loops
async def test_what_was_half_answered_is_not_asked_again() -> None:
    """The other side has worked on it, whatever its answer was."""
    asked = []

    async def talk(caller: Caller) -> None:
        while path := await caller.question():
            asked.append(path)
            caller.say(saying("whole") if path == "/a" else b"HTTP/1.1 20")
            if path == "/b":
                caller.hang_up()

    async with serving(talk) as url, client_of(url) as client:
        await bodies(client, "/a")
        with pytest.raises(Unreachable):
            await client.ask(asking("/b"))

    assert asked == ["/a", "/b"]


@on_both_loops
async def test_connection_close_is_obeyed() -> None:
    """The next question goes over a fresh one."""

    async def talk(caller: Caller) -> None:
        await caller.question()
        caller.say(saying(f"{caller.number}", "Connection: close"))

    async with serving(talk) as url, client_of(url) as client:
        assert await bodies(client, "/", "/") == ["1", "2"]


@on_both_loops
@pytest.mark.parametrize(("unused_seconds", "number"), [(49.0, 1), (50.0, 2)])
async def test_a_connection_unused_for_long_is_not_trusted(unused_seconds: float, number: int) -> None:
    """A firewall between here and there may have forgotten it without a word."""
    now = [1000.0]
    async with serving(echo) as url, client_of(url, clock=lambda: now[0]) as client:
        await bodies(client, "/a")
        now[0] += unused_seconds
        assert await bodies(client, "/b") == [f"{number}/b"]


@on_both_loops
async def test_a_question_given_up_takes_its_answer_with_it() -> None:
    """Else the next one to ask would be told what somebody else wanted to know."""
    heard, cancelled = asyncio.Event(), asyncio.Event()

    async def talk(caller: Caller) -> None:
        if caller.number > 1:
            await echo(caller)
        await caller.question()
        heard.set()
        await cancelled.wait()
        caller.say(saying("late"))

    async with serving(talk) as url, client_of(url) as client:
        first = asyncio.create_task(client.ask(asking("/first")))
        await heard.wait()
        first.cancel()
        cancelled.set()
        assert await bodies(client, "/second") == ["2/second"]
        assert first.cancelled()


@on_both_loops
async def test_a_slow_answer_is_no_answer() -> None:
    """And takes the connection with it, for it may come yet."""

    async def talk(caller: Caller) -> None:
        if caller.number > 1:
            await echo(caller)

    async with serving(talk) as url, client_of(url) as client:
        error = await failure(client, 0.02)
        assert await bodies(client, "/next") == ["2/next"]

    assert (error.code, error.message) == (NO_ANSWER, "Service: no answer: 0.02 s passed (NoAnswer)")


@on_both_loops
async def test_an_answer_that_never_ends_is_no_answer() -> None:
    """The time is for all of it: one byte after another keeps nobody waiting."""

    async def talk(caller: Caller) -> None:
        await caller.question()
        caller.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1")

    async with serving(talk) as url, client_of(url) as client:
        assert (await failure(client, 0.02)).code == NO_ANSWER


@on_both_loops
async def test_more_askers_than_connections_take_turns() -> None:
    """Each gets its own answer, and no more connections are made."""
    async with serving(echo) as url, client_of(url, 3) as client:
        paths = [f"/{number}" for number in range(50)]
        answers = await asyncio.gather(*[bodies(client, path) for path in paths])

    answered = [answer for (answer,) in answers]
    assert [answer[1:] for answer in answered] == paths
    assert {answer[0] for answer in answered} == {"1", "2", "3"}


@on_both_loops
async def test_nobody_listening_is_no_answer() -> None:
    """The port is closed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    async with client_of(f"http://127.0.0.1:{port}") as client:
        assert (await failure(client)).code == NO_ANSWER


@on_both_loops
@pytest.mark.parametrize("host", ["no-such-host.invalid", f"{'x' * 64}.invalid", "two..dots.invalid"])
async def test_a_name_that_is_none_is_no_answer(host: str) -> None:
    """Also one that no name server can even be asked for."""
    async with client_of(f"http://{host}") as client:
        assert (await failure(client)).code == NO_ANSWER


@on_both_loops
async def test_a_cut_ends_the_questions_that_wait() -> None:
    """For an answer, and for a connection."""
    heard = asyncio.Event()

    async def talk(caller: Caller) -> None:
        await caller.question()
        heard.set()

    async with serving(talk) as url, client_of(url) as client:
        waiting = [asyncio.create_task(failure(client)) for _ in range(3)]
        await heard.wait()
        client.cut()
        errors = await asyncio.gather(*waiting)

    assert {error.code for error in errors} == {NO_ANSWER}


@on_both_loops
async def test_a_cut_ends_a_connection_being_made() -> None:
    """At once: a stop does not wait for a name server, or for a handshake that nobody answers."""
    met = asyncio.Event()

    async def talk(caller: Caller) -> None:
        met.set()
        await asyncio.Event().wait()

    async with serving(talk) as url, client_of(url.replace("http:", "https:")) as client:
        connecting = asyncio.create_task(failure(client))
        await met.wait()
        client.cut()
        async with asyncio.timeout(2):
            error = await connecting

    assert error.message == "Service: no answer: this client was stopped (NoAnswer)"


@on_both_loops
async def test_nothing_is_asked_after_a_cut() -> None:
    """Not over a kept connection either: it is closed."""
    closed = asyncio.Event()

    async def talk(caller: Caller) -> None:
        await echo(caller)
        closed.set()

    async with serving(talk) as url, client_of(url) as client:
        await bodies(client, "/a")
        client.cut()
        await closed.wait()
        assert (await failure(client)).code == NO_ANSWER
