"""CreateProject to DeleteProject ("Project interfaces" of the API reference).

`/` on a project's own host is that project, on the bare endpoint it is the account's list. CreateProject
is the exception: Python's client sends it to the host of the project that is to be, Node's to the bare
endpoint, and the body has the name.
"""

from __future__ import annotations

from sink.local.sls.api.call import Call, Route, Scope, answer, done, page
from sink.local.sls.indexer import Indexer
from sink.local.sls.logstores import Logstores
from sink.local.sls.projects import Projects
from sink.local.wire import Response


class ProjectOperations:
    """Answers the operations on projects."""

    def __init__(self, projects: Projects, logstores: Logstores, indexer: Indexer) -> None:
        self._projects = projects
        self._logstores = logstores
        self._indexer = indexer

    def routes(self) -> list[Route]:
        """The operations that this object answers."""
        return [
            Route("POST", "/", "CreateProject", self.create, scope=Scope.ANY),
            Route("GET", "/", "ListProject", self.list, scope=Scope.ACCOUNT),
            Route("GET", "/", "GetProject", self.get),
            Route("PUT", "/", "UpdateProject", self.update),
            Route("DELETE", "/", "DeleteProject", self.delete),
        ]

    async def create(self, call: Call) -> Response:
        """CreateProject."""
        self._projects.create(call.account_id, call.document())
        return done()

    async def list(self, call: Call) -> Response:
        """ListProject."""
        projects = self._projects.of(call.account_id, call.parameters.get("projectName", ""))
        return page(call, projects, "projects")

    async def get(self, call: Call) -> Response:
        """GetProject."""
        return answer(self._projects.get(call.project_id))

    async def update(self, call: Call) -> Response:
        """UpdateProject."""
        self._projects.update(call.project_id, call.document())
        return done()

    async def delete(self, call: Call) -> Response:
        """DeleteProject."""
        stores = self._logstores.of(call.project_id)
        self._projects.delete(call.project_id)
        for store in stores:
            await self._indexer.drop(store.store_id)
        return done()
