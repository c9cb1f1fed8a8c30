"""Dashboards and saved searches: create, get, list, update, delete.

A list answers twice, as the real service does: names for Python's client, items for sls20201230.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from sink.local.sls.api.call import Call, Route, answer, done, page_of
from sink.local.sls.documents import DASHBOARD, SAVED_SEARCH, Documents, Kind
from sink.local.sls.errors import post_body_invalid
from sink.local.wire import Response


class DocumentOperations:
    """Answers the operations on one kind of document, `word` in the vendor's spelling: `Dashboard`."""

    def __init__(self, documents: Documents, kind: Kind, word: str, plural: str) -> None:
        self._documents = documents
        self._kind = kind
        self._word = word
        self._plural = plural

    def routes(self) -> list[Route]:
        """The operations that this object answers."""
        many, one = f"/{self._plural}", f"/{self._plural}/{{name}}"
        return [
            Route("POST", many, f"Create{self._word}", self.create),
            Route("GET", many, f"List{self._word}", self.list),
            Route("GET", one, f"Get{self._word}", self.get),
            Route("PUT", one, f"Update{self._word}", self.update),
            Route("DELETE", one, f"Delete{self._word}", self.delete),
        ]

    async def create(self, call: Call) -> Response:
        """CreateDashboard, CreateSavedSearch."""
        self._documents.create(call.project_id, self._kind, self._body(call))
        return done()

    async def list(self, call: Call) -> Response:
        """ListDashboard, ListSavedSearch."""
        part = call.parameters.get(self._kind.name_field, "")
        found = [d for d in self._documents.of(call.project_id, self._kind) if part in d.name]
        chosen = page_of(call, found)
        items = [{**document.body, self._kind.name_field: document.name} for document in chosen]
        names = [document.name for document in chosen]
        counts = {"count": len(chosen), "total": len(found)}
        return answer({**counts, self._plural: names, f"{self._kind.word}Items": items})

    async def get(self, call: Call) -> Response:
        """GetDashboard, GetSavedSearch."""
        return answer(self._documents.get(call.project_id, self._kind, call.names["name"]).body)

    async def update(self, call: Call) -> Response:
        """UpdateDashboard, UpdateSavedSearch."""
        self._documents.replace(call.project_id, self._kind, call.names["name"], self._body(call))
        return done()

    async def delete(self, call: Call) -> Response:
        """DeleteDashboard, DeleteSavedSearch."""
        self._documents.delete(call.project_id, self._kind, call.names["name"])
        return done()

    def _body(self, call: Call) -> dict[str, Any]:
        document = call.document()
        charts = document.get("charts") or []
        titles = Counter(chart.get("title") for chart in charts if isinstance(chart, dict))
        for title, count in titles.items():
            if count > 1:
                raise post_body_invalid(f"Duplicate chart title: {title}")
        return document


def dashboards(documents: Documents) -> DocumentOperations:
    """The operations on dashboards."""
    return DocumentOperations(documents, DASHBOARD, "Dashboard", "dashboards")


def saved_searches(documents: Documents) -> DocumentOperations:
    """The operations on saved searches."""
    return DocumentOperations(documents, SAVED_SEARCH, "SavedSearch", "savedsearches")
