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
import ipaddress
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import uvicorn

from sink.local.accounts import Accounts, parse_account
from sink.local.app import Cloud


def announce(url: str) -> None:
    """Print the line that starters of this process wait for."""
    print(f"ready {url}", flush=True)  # noqa: T201


async def serve(
    cloud: Cloud, host: str = "127.0.0.1", port: int = 0, ready: Callable[[str], None] = announce
) -> None:
    """Open the cloud and serve it until it is stopped. Port 0 takes a free one; `ready` gets the URL.

    Raises ValueError for an address that others than this machine could reach.
    """
    listener = _listen(host, port)
    async with cloud:
        server = _Server(cloud, lambda: ready(f"http://{host}:{listener.getsockname()[1]}"))
        await server.serve(sockets=[listener])


def main(arguments: Sequence[str]) -> int:
    """Run the embedded cloud until SIGTERM or SIGINT; return the exit code."""
    options = _options(arguments)
    accounts = Accounts(options.account) if options.account else Accounts.default()
    asyncio.run(_serve_until_signal(Cloud(options.data, accounts), options.port))
    return 0


class _Server(uvicorn.Server):
    def __init__(self, cloud: Cloud, ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                cloud,
                loop="asyncio",
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                date_header=False,
                server_header=False,
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


async def _serve_until_signal(cloud: Cloud, port: int) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, cloud.stop)
    await serve(cloud, port=port)


def _listen(host: str, port: int) -> socket.socket:
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"{host} is not a loopback address: the embedded cloud serves this machine only")
    return socket.create_server((host, port), backlog=1024)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="sink local", description="Alibaba Cloud, embedded: MNS and SLS on loopback."
    )
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--data", type=Path, default=Path("local-data"), help="folder that holds all state")
    parser.add_argument(
        "--account", type=parse_account, action="append", help="ACCOUNT:KEY:SECRET[:TOKEN], repeatable"
    )
    return parser.parse_args(arguments)
