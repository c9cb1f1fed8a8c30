"""What MNS says, byte by byte: documents as it writes them, and a server that says them in turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from hypothesis import strategies as st

from sink.credentials import LOCAL_KEYS, StaticKeys
from sink.sources import MnsSource

XMLNS = "http://mns.aliyuncs.com/doc/v1/"
_CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
TEXTS = st.text(_CHARACTERS | st.sampled_from("\r\n\t"), min_size=1)
"""What XML can hold."""


def document(tag: str, content: str) -> bytes:
    """A document in MNS's dress."""
    return f'<?xml version="1.0" encoding="utf-8"?>\n<{tag} xmlns="{XMLNS}">{content}</{tag}>'.encode()


def message(
    body: str, *, handle: str = "h", count: int = 1, first_ms: int = 1000, next_ms: int = 31000
) -> str:
    """One message of a receive; its id is its handle's."""
    values = {
        "MessageId": f"id-{handle}",
        "ReceiptHandle": handle,
        "MessageBodyMD5": "C5DD56A39F5F7BB8B3337C6D11B6D8C7",
        "MessageBody": body,
        "EnqueueTime": 900,
        "NextVisibleTime": next_ms,
        "FirstDequeueTime": first_ms,
        "DequeueCount": count,
        "Priority": 8,
    }
    texts = {name: escape(str(value), {"\r": "&#13;"}) for name, value in values.items()}
    return f"<Message>{''.join(f'<{name}>{text}</{name}>' for name, text in texts.items())}</Message>"


def messages(*items: str) -> bytes:
    """An answer to a receive."""
    return document("Messages", "".join(items))


def refusal(code: str, message: str = "no") -> bytes:
    """An error as MNS writes it."""
    content = f"<Code>{code}</Code><Message>{message}</Message><RequestId>R1</RequestId><HostId>h</HostId>"
    return document("Error", content)


def answer(status: int, body: bytes = b"") -> bytes:
    """A whole answer."""
    head = f"HTTP/1.1 {status} Said\r\ncontent-type: text/xml\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


NOTHING_CAME = answer(404, refusal("MessageNotExist"))


@dataclass
class Service:
    """Who was asked what."""

    url: str = ""
    requests: list[bytes] = field(default_factory=list)

    @property
    def targets(self) -> list[str]:
        """The targets of all requests, in order."""
        return [request.split(b" ", 2)[1].decode() for request in self.requests]


@asynccontextmanager
async def saying(*answers: bytes) -> AsyncIterator[Service]:
    """A server that keeps every request and gives these answers in turn; asked for more, it hangs up."""
    service = Service()
    left = iter(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _converse(reader, writer, service, left)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield service


async def _converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, service: Service, left: Iterator[bytes]
) -> None:
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(headers(head).get("content-length", 0))
        service.requests.append(head + await reader.readexactly(length))
        said = next(left, None)
        if said is None:
            return
        writer.write(said)
        await writer.drain()


def headers(request: bytes) -> dict[str, str]:
    """The headers of a request, by names in lower case."""
    lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


@asynccontextmanager
async def queue(
    url: str,
    visibility_seconds: int = 30,
    keys: StaticKeys = LOCAL_KEYS,
    create: bool = True,
    bodies: Sequence[str] = (),
) -> AsyncIterator[MnsSource]:
    """A source on the queue `ecs-events`, which is made and given these messages first."""
    source = MnsSource(url, "ecs-events", keys, receivers=1)
    try:
        if create:
            await source.create(visibility_seconds)
        if bodies:
            await source.send(bodies)
        yield source
    finally:
        source.close()
