"""The index of a logstore: which keys can be searched and analysed, and how their text is cut into words.

CreateIndex and UpdateIndex bring it as JSON; `IndexConfig.from_json` checks it as the service does, so
that a faulty index is refused when it is made and not when somebody searches. The search part of a query
reads `line` (full text) and `keys`; the SQL part sees the keys with `doc_value`.

The document is kept as it came, because GetIndex shows it again and clients compare the two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from sink.local.sls.errors import SlsError

KEY_TYPES = ("text", "long", "double", "json")
JSON_KEY_TYPES = ("text", "long", "double")
MAX_TEXT_LEN = range(64, 16384 + 1)


@dataclass(frozen=True, slots=True)
class Tokens:
    """How text is cut into words: at any of `delimiters`, and with `chn` around every Chinese character."""

    delimiters: tuple[str, ...] = ()
    case_sensitive: bool = False
    chn: bool = False


@dataclass(frozen=True, slots=True)
class KeyIndex:
    """One indexed key, or a leaf of the json key `parent`.

    `json_keys` are the leaves of a json key by their path, `a.b`.
    """

    name: str
    type: str
    tokens: Tokens = field(default_factory=Tokens)
    doc_value: bool = False
    alias: str = ""
    json_keys: Mapping[str, KeyIndex] = field(default_factory=dict)
    index_all: bool = False
    max_depth: int = -1
    parent: str = ""

    @property
    def path(self) -> tuple[str, ...]:
        """Where in its parent a leaf is: `("a", "b")` for `content.a.b` of `content`."""
        return tuple(self.name.removeprefix(f"{self.parent}.").split("."))

    @property
    def numeric(self) -> bool:
        """Tell whether ranges apply to this key, and words do not."""
        return self.type in ("long", "double")

    def unlisted_leaf(self, path: str) -> Iterator[KeyIndex]:
        """The leaf at `path` that `index_all` makes text, unless it is deeper than `max_depth`."""
        if self.max_depth < 0 or path.count(".") < self.max_depth:
            yield KeyIndex(f"{self.name}.{path}", "text", self.tokens, self.doc_value, parent=self.name)


@dataclass(frozen=True, slots=True)
class IndexConfig:
    """A checked index: full text in `line` (None without it) and `keys` by name.

    `max_text_len` is how many bytes of a text the SQL part sees.

    >>> IndexConfig.from_json({"keys": {"state": {"type": "text", "token": [","]}}}).keys["state"].type
    'text'
    """

    line: Tokens | None
    keys: Mapping[str, KeyIndex]
    max_text_len: int
    document: Mapping[str, Any]

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> IndexConfig:
        """Read and check the body of CreateIndex. Raises SlsError: 400 IndexInfoInvalid."""
        line, keys = _mapping(document, "line", "index"), _mapping(document, "keys", "index")
        if not line and not keys:
            raise _invalid("an index needs line (full text) or keys (fields), or both")
        tokens = _tokens(line, "line") if line else None
        indexed = {name: _key(name, keys[name]) for name in keys} | _automatic(line, tokens, keys)
        _refuse_duplicates(indexed)
        return cls(tokens, indexed, _max_text_len(document), deepcopy(dict(document)))

    def to_json(self) -> dict[str, Any]:
        """The index as GetIndex shows it, without `lastModifyTime`, which the resource keeps."""
        return deepcopy(dict(self.document))

    def find(self, name: str) -> KeyIndex | None:
        """The indexed key called `name`: a key, an alias, or a leaf of a json key as `key.a.b`."""
        named = (key for key in self._keys_and_leaves() if name in (key.name, key.alias))
        return next(named, None) or next(self._unlisted_leaves(name), None)

    def analysed(self) -> Iterator[KeyIndex]:
        """The keys that the SQL part sees: those with doc_value, leaves of json keys among them."""
        return (key for key in self._keys_and_leaves() if key.doc_value)

    def _keys_and_leaves(self) -> Iterator[KeyIndex]:
        for key in self.keys.values():
            yield from (key, *key.json_keys.values())

    def _unlisted_leaves(self, name: str) -> Iterator[KeyIndex]:
        for key in self.keys.values():
            if key.index_all and name.startswith(f"{key.name}."):
                yield from key.unlisted_leaf(name.removeprefix(f"{key.name}."))


def _invalid(message: str) -> SlsError:
    return SlsError(400, "IndexInfoInvalid", message)


def _mapping(document: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    value = document.get(name) or {}
    if not isinstance(value, Mapping):
        raise _invalid(f"{name} of {where} must be an object, not {type(value).__name__}")
    return value


def _flag(document: Mapping[str, Any], name: str, where: str, default: bool = False) -> bool:
    value = document.get(name)
    if value is not None and not isinstance(value, bool):
        raise _invalid(f"{name} of {where} must be true or false, not {value!r}")
    return default if value is None else value


def _tokens(document: Mapping[str, Any], where: str) -> Tokens:
    token = document.get("token")
    if not isinstance(token, list) or not all(isinstance(mark, str) and len(mark) == 1 for mark in token):
        raise _invalid(
            f"Required field token is lacking or of error format: {where} needs a list of single characters"
        )
    return Tokens(tuple(token), _flag(document, "caseSensitive", where), _flag(document, "chn", where))


def _key(name: str, document: Any) -> KeyIndex:
    where = f"key ({name})"
    if not isinstance(document, Mapping):
        raise _invalid(f'{where} must be an object such as {{"type": "text", "token": [","]}}')
    type_ = _type(document, KEY_TYPES, where)
    tokens = _tokens(document, where) if type_ in ("text", "json") else Tokens()
    return KeyIndex(
        name,
        type_,
        tokens,
        _flag(document, "doc_value", where),
        document.get("alias") or "",
        _json_keys(name, document, tokens) if type_ == "json" else {},
        type_ == "json" and _flag(document, "index_all", where, default=True),
        _depth(document, where),
    )


def _depth(document: Mapping[str, Any], where: str) -> int:
    depth = document.get("max_depth", -1)
    if not isinstance(depth, int):
        raise _invalid(f"max_depth of {where} must be an integer, -1 for any depth, not {depth!r}")
    return depth


def _type(document: Mapping[str, Any], allowed: tuple[str, ...], where: str) -> str:
    type_ = document.get("type") or "text"
    if type_ not in allowed:
        raise _invalid(f"type {type_!r} of {where} is not one of {', '.join(allowed)}")
    return str(type_)


def _json_keys(name: str, document: Mapping[str, Any], tokens: Tokens) -> dict[str, KeyIndex]:
    leaves = _mapping(document, "json_keys", f"key ({name})")
    return {path: _leaf(name, path, leaf, tokens) for path, leaf in leaves.items()}


def _leaf(parent: str, path: str, document: Any, tokens: Tokens) -> KeyIndex:
    name = f"{parent}.{path}"
    where = f"key ({name})"
    if not isinstance(document, Mapping):
        raise _invalid(f'{where} must be an object such as {{"type": "long"}}')
    type_ = _type(document, JSON_KEY_TYPES, where)
    doc_value = _flag(document, "doc_value", where)
    return KeyIndex(name, type_, tokens, doc_value, document.get("alias") or "", parent=parent)


def _automatic(
    line: Mapping[str, Any], tokens: Tokens | None, keys: Mapping[str, Any]
) -> dict[str, KeyIndex]:
    """The keys of `auto_text_keys`: text with the delimiters of the full text index, and doc_value."""
    names = line.get("auto_text_keys") or []
    return {
        name: KeyIndex(name, "text", tokens, doc_value=True) for name in names if tokens and name not in keys
    }


def _refuse_duplicates(keys: Mapping[str, KeyIndex]) -> None:
    names = Counter(list(keys) + [key.alias for key in keys.values() if key.alias and key.alias != key.name])
    repeated = [name for name, count in names.items() if count > 1]
    if repeated:
        raise _invalid(f"Duplicate keys ({', '.join(repeated)}) are not allowed")


def _max_text_len(document: Mapping[str, Any]) -> int:
    length = document.get("max_text_len") or MAX_TEXT_LEN[-1]
    if length not in MAX_TEXT_LEN:
        raise _invalid(f"max_text_len {length!r} is not within {MAX_TEXT_LEN[0]} to {MAX_TEXT_LEN[-1]} bytes")
    return int(length)
