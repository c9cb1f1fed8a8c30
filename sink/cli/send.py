"""`sink send`: message bodies from files into the queue, as CloudMonitor would put them there."""

from __future__ import annotations

import asyncio
import gzip
import sys
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

import orjson
from rich.console import Console
from rich.progress import Progress

from sink.cli.reaching import reach_cloud
from sink.cli.wiring import build_source, queue_of
from sink.config import Settings
from sink.errors import UsageError
from sink.sources import BATCH, MnsSource

MESSAGE_BYTES = 65536
"""MNS's limit for one message, and for all messages of one call together."""
_CALLS_AT_ONCE = 8


def send_files(settings: Settings, files: Sequence[str], *, queue: str | None, raw: bool) -> None:
    """Send every body of every file, in order, up to the first that cannot go, which is named."""
    name = queue_of(settings, queue)
    for file in files:
        if file != "-" and not Path(file).is_file():
            raise UsageError(f"{file}: there is no such file", "Name a file, or - for standard input")
    with reach_cloud(settings) as cloud:
        source = build_source(settings, cloud, name, settlers=_CALLS_AT_ONCE)
        try:
            sent = asyncio.run(_send(source, _batches(_encoded(_bodies(files), raw))))
        finally:
            source.close()
    Console(soft_wrap=True).print(f"sent {sent:,} messages to {name}")


async def _send(source: MnsSource, batches: Iterable[Sequence[str]]) -> int:
    """Send batches, a few calls at once; returns the number of messages."""
    sent = 0
    under_way: set[asyncio.Task[None]] = set()
    with Progress(transient=True, disable=not sys.stdout.isatty()) as progress:
        bar = progress.add_task("sending", total=None)
        try:
            for batch in batches:
                if len(under_way) >= _CALLS_AT_ONCE:
                    done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                    await asyncio.gather(*done)
                under_way.add(asyncio.create_task(source.send(batch)))
                sent += len(batch)
                progress.update(bar, completed=sent, description=f"sent {sent:,}")
        finally:
            await asyncio.gather(*under_way)
    return sent


def _bodies(files: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Where each body stands, and its bytes."""
    for file in files:
        with _open(file) as stream:
            if file == "-" or Path(file.removesuffix(".gz")).suffix in (".jsonl", ".ndjson"):
                yield from _lines(file, stream)
            else:
                yield from _whole(file, stream.read())


def _open(file: str) -> IO[bytes]:
    if file == "-":
        return sys.stdin.buffer
    return gzip.open(file) if file.endswith(".gz") else Path(file).open("rb")  # type: ignore[return-value]


def _lines(file: str, stream: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    for number, line in enumerate(stream, 1):
        if body := line.rstrip(b"\r\n"):
            yield f"{file}:{number}", body


def _whole(file: str, text: bytes) -> Iterator[tuple[str, bytes]]:
    """One body, unless the file holds nothing but JSON objects, one a line."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and all(_is_object(line) for line in lines):
        yield from ((f"{file}:{number}", line) for number, line in enumerate(lines, 1))
    else:
        yield file, text


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _encoded(bodies: Iterable[tuple[str, bytes]], raw: bool) -> Iterator[str]:
    """Bodies as they go into the queue. Raises UsageError at the first that MNS would not take."""
    for where, body in bodies:
        text = _raw(where, body) if raw else b64encode(body).decode()
        size = len(text.encode())
        if not 0 < size <= MESSAGE_BYTES:
            form = "as it is" if raw else "in base64"
            raise UsageError(
                f"{where}: {size:,} bytes {form}; MNS takes 1 to {MESSAGE_BYTES:,}", "Leave it out"
            )
        yield text


def _raw(where: str, body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise UsageError(
            f"{where}: is not UTF-8, so it cannot go as it is", "Send it without --raw"
        ) from None


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """As many at once as one call takes, by number and by size. What came before a fault is still sent."""
    batch: list[str] = []
    size = 0
    try:
        for text in texts:
            length = len(text.encode())
            if batch and (len(batch) == BATCH or size + length > MESSAGE_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(text)
            size += length
    finally:
        if batch:
            yield batch
