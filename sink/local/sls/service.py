"""SLS of the embedded cloud, put together: the `Service` that `sink/local/app.py` serves.

Every request goes the same way: signature, route, project, handler; whatever refuses raises `SlsError`
and becomes the vendor's error document. Logs are written to the shard log (SQLite), which is the truth;
the index (DuckDB) is derived from it by a task that runs as long as the service is open.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from sink.local.accounts import AccessKey, Accounts
from sink.local.ram.log_actions import log_action, log_resource
from sink.local.sls.api.alerts import AlertOperations
from sink.local.sls.api.call import Call, Scope
from sink.local.sls.api.consumer_groups import ConsumerGroupOperations
from sink.local.sls.api.documents import dashboards, saved_searches
from sink.local.sls.api.logs import LogOperations
from sink.local.sls.api.logstores import LogstoreOperations
from sink.local.sls.api.projects import ProjectOperations
from sink.local.sls.api.search import SearchOperations
from sink.local.sls.api.shards import ShardOperations
from sink.local.sls.consumer_groups import ConsumerGroups
from sink.local.sls.database import open_database
from sink.local.sls.documents import Documents
from sink.local.sls.errors import SlsError, error_response
from sink.local.sls.indexer import Indexer
from sink.local.sls.logstores import Logstores
from sink.local.sls.names import project_of
from sink.local.sls.projects import Projects
from sink.local.sls.protobuf import LogGroups
from sink.local.sls.retention import Retention
from sink.local.sls.routes import Routes
from sink.local.sls.search.engine import SearchEngine
from sink.local.sls.shard_log import ShardLog
from sink.local.sls.shards import Shards
from sink.local.sls.signature import authenticate
from sink.local.wire import Clock, Request, Response, Service


class SlsService:
    """Simple Log Service over the files `sls.db` and `sls-index.duckdb` of a data folder.

    Logs become searchable `index_latency_seconds` after PutLogs was answered.
    """

    name = "sls"

    def __init__(
        self, data: Path, accounts: Accounts, clock: Clock, index_latency_seconds: float = 0.1
    ) -> None:
        self._data = data
        self._accounts = accounts
        self._clock = clock
        self._index_latency_seconds = index_latency_seconds

    async def __aenter__(self) -> SlsService:
        self._database = open_database(self._data / "sls.db")
        self._engine = SearchEngine(self._data / "sls-index.duckdb", self._clock)
        self._projects = Projects(self._database, self._clock)
        logstores, shards = Logstores(self._database, self._clock), Shards(self._database, self._clock)
        shard_log, log_groups = ShardLog(self._database, self._clock), LogGroups()
        documents = Documents(self._database, self._clock)
        self._indexer = Indexer(self._engine, logstores, shard_log, log_groups, self._index_latency_seconds)
        retention = Retention(shard_log, self._indexer, self._clock)
        operations = (
            LogOperations(logstores, shards, shard_log, retention, self._indexer, log_groups, self._clock),
            SearchOperations(logstores, retention, self._engine),
            ProjectOperations(self._projects, logstores, self._indexer),
            LogstoreOperations(self._database, logstores, shards, self._indexer),
            ShardOperations(logstores, shards),
            ConsumerGroupOperations(logstores, shards, ConsumerGroups(self._database, self._clock)),
            dashboards(documents),
            saved_searches(documents),
            AlertOperations(documents),
        )
        self._routes = Routes(route for group in operations for route in group.routes())
        self._indexing = asyncio.create_task(self._indexer.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._indexing.cancel()
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await self._indexing
        finally:
            self._indexer.close()
            self._engine.close()
            self._database.close()

    def accepts(self, request: Request) -> bool:
        """Tell whether this is meant for SLS: by the scheme of its signature, or its own headers."""
        scheme = request.headers.get("authorization", "").partition(" ")[0]
        return scheme in ("LOG", "SLS4-HMAC-SHA256") or "x-log-apiversion" in request.headers

    def operation(self, request: Request) -> str:
        """The vendor's name of the operation, `Unknown` for what is not emulated."""
        try:
            return self._routes.find(request)[0].operation
        except SlsError:
            return "Unknown"

    async def answer(self, request: Request) -> Response:
        """Answer as SLS would. Raises only for a bug of our own, also one in the indexing task."""
        if self._indexing.done():
            self._indexing.result()
        try:
            response = await self._handle(request)
        except SlsError as error:
            return self.refusal(request, error.status, error.code, error.message)
        request_id = secrets.token_hex(12).upper()
        return Response(response.status, {**response.headers, "x-log-requestid": request_id}, response.body)

    def refusal(self, request: Request, status: int, code: str, message: str) -> Response:
        """Render the error document of SLS."""
        return error_response(status, code, message, secrets.token_hex(12).upper())

    async def _handle(self, request: Request) -> Response:
        _check_version(request)
        key = authenticate(request, self._accounts, self._clock())
        account_id = key.account_id
        route, names = self._routes.find(request)
        _check_allowed(request, key, route.operation, names)
        project_id = self._project_id(request, account_id) if route.scope is Scope.PROJECT else 0
        return await route.handler(Call(request, account_id, project_id, names))

    def _project_id(self, request: Request, account_id: str) -> int:
        return self._projects.find(account_id, project_of(request.host) or "")


def _check_allowed(request: Request, key: AccessKey, operation: str, names: Mapping[str, str]) -> None:
    action, resource = log_action(operation), log_resource(project_of(request.host), names)
    if not key.may(action, resource):
        text = f"denied by sts or ram, action: {action}, resource: {resource}"
        raise SlsError(401, "Unauthorized", text)


def _check_version(request: Request) -> None:
    version = request.headers.get("x-log-apiversion")
    if version is None:
        raise SlsError(400, "MissingAPIVersion", "x-log-apiversion does not exist in http header.")
    if version not in ("0.4.0", "0.6.0"):
        raise SlsError(400, "InvalidAPIVersion", f"x-log-apiversion {version} is unsupported.")


def _conforms(service: SlsService) -> Service:
    return service
