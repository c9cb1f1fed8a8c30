"""The process around the embedded cloud: a loopback socket, signals, and the line that says it is ready.

`python -m sink.local` and `sink local` end up in `main`; tests call `serve` in a thread. uvicorn does HTTP
with httptools, the one parser tried that keeps `//`, the raw query, absolute-form request lines,
chunked bodies and bodies of DELETE. uvicorn's own loop and signals are replaced, as they poll ten
times a second and end a terminated process by the signal instead of with exit code 0.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import gc
import ipaddress
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import uvicorn

from sink.local import folder
from sink.local.app import Cloud
from sink.local.connection import Connection
from sink.local.options import build_cloud, parse_options

FIRST_HOLDER_SECONDS = 30.0
"""How long a cloud that runs until unused waits for its first holder."""


def announce(url: str) -> None:
    """Print the line that starters of this process wait for."""
    print(f"ready {url}", flush=True)  # noqa: T201


async def serve(
    cloud: Cloud, host: str = "127.0.0.1", port: int = 0, ready: Callable[[str], None] = announce
) -> None:
    """Open the cloud and serve it until it is stopped. Port 0 takes a free one; `ready` gets the URL.

    Raises ValueError for an address that others than this machine could reach.
    """
    with _listen(host, port) as listener:
        async with cloud:
            server = _Server(cloud, lambda: ready(f"http://{host}:{listener.getsockname()[1]}"))
            await server.serve(sockets=[listener])


def main(arguments: Sequence[str]) -> int:
    """Run the embedded cloud until SIGTERM or SIGINT; return the exit code of `sink local`."""
    options = parse_options(arguments)
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        with folder.locked(options.data):
            asyncio.run(_serve_until_signal(options))
    except folder.FolderInUse as error:
        return _fail(os.EX_TEMPFAIL, error)
    except OSError as error:
        return _fail(os.EX_UNAVAILABLE, error)
    return os.EX_OK


class _Server(uvicorn.Server):
    def __init__(self, cloud: Cloud, ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                cloud,
                loop="asyncio",
                http=Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                date_header=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=5,
            )
        )
        self._cloud = cloud
        self._ready = ready

    async def main_loop(self) -> None:
        self._ready()
        await self._cloud.stopped()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve_until_signal(options: argparse.Namespace) -> None:
    cloud = build_cloud(options)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, cloud.stop)
    ready = functools.partial(_announce, options.data)
    if not options.until_unused:
        return await serve(cloud, port=options.port, ready=ready)
    watch = asyncio.create_task(_stop_when_unused(cloud))
    try:
        await serve(cloud, port=options.port, ready=ready)
    finally:
        watch.cancel()


async def _stop_when_unused(cloud: Cloud) -> None:
    await cloud.holders.abandoned(FIRST_HOLDER_SECONDS)
    cloud.stop()


def _announce(data: Path, url: str) -> None:
    """Tell where the cloud is, now that it is ready; `__main__` let no garbage be looked for until here."""
    gc.enable()
    folder.publish(data, url)
    announce(url)


def _fail(code: int, error: Exception) -> int:
    print(f"sink local: {error}", file=sys.stderr)  # noqa: T201
    return code


def _listen(host: str, port: int) -> socket.socket:
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"{host} is not a loopback address: the embedded cloud serves this machine only")
    listener = socket.create_server((host, port), backlog=1024)
    # asyncio does this itself only for sockets it made: without it every answer waits 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
