"""SLS's log groups on the wire: the protobuf schema, and what a group means as logs.

The schema ("Data encoding" of the API reference) is small, so it is written down here for Google's
library instead of being compiled from a .proto file. `LogGroups` owns the message class; `service.py`
makes one and hands it to PutLogs and to the indexer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from sink.local.sls.errors import post_body_invalid
from sink.local.sls.logs import StoredLog

LogGroup = Any
"""A parsed group: `Logs` (`Time`, `Time_ns`, `Contents`), `Topic`, `Source`, `LogTags`."""


class LogGroups:
    """Reads log groups.

    >>> LogGroups().parse(b"").Topic
    ''
    """

    def __init__(self) -> None:
        pool = DescriptorPool()
        pool.Add(_schema())
        self._message = GetMessageClass(pool.FindMessageTypeByName("sls.LogGroup"))

    def parse(self, raw: bytes) -> LogGroup:
        """Read one group. Raises `SlsError`: PostBodyInvalid."""
        group = self._message()
        try:
            group.ParseFromString(raw)
        except DecodeError as error:
            raise post_body_invalid(f"Protobuffer content cannot be parsed: {error}.") from error
        if not group.IsInitialized():
            raise post_body_invalid("Protobuffer content cannot be parsed: Time, Key or Value is missing.")
        return group

    def logs(self, raw: bytes) -> list[StoredLog]:
        """Read a group that PutLogs has let in as the logs it stands for."""
        group = self.parse(raw)
        tags = tuple((tag.Key, tag.Value) for tag in group.LogTags)
        return [
            StoredLog(
                time=log.Time,
                contents=tuple((content.Key, content.Value) for content in log.Contents),
                time_ns=log.Time_ns if log.HasField("Time_ns") else None,
                topic=group.Topic,
                source=group.Source,
                tags=tags,
            )
            for log in group.Logs
        ]


def group_list(groups: Iterable[bytes]) -> bytes:
    """Encode a LogGroupList of groups that are encoded already, so that they leave as they came."""
    return b"".join(b"\x0a" + _varint(len(group)) + group for group in groups)


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _schema() -> FileDescriptorProto:
    kind = FieldDescriptorProto
    text, many, required = kind.TYPE_STRING, kind.LABEL_REPEATED, kind.LABEL_REQUIRED
    file = FileDescriptorProto(name="sls.proto", package="sls", syntax="proto2")
    for name in ("Content", "LogTag"):
        pair = file.message_type.add(name=name)
        _field(pair, 1, "Key", text, required)
        _field(pair, 2, "Value", text, required)
    log = file.message_type.add(name="Log")
    _field(log, 1, "Time", kind.TYPE_UINT32, required)
    _field(log, 2, "Contents", kind.TYPE_MESSAGE, many, ".sls.Content")
    _field(log, 4, "Time_ns", kind.TYPE_FIXED32)
    group = file.message_type.add(name="LogGroup")
    _field(group, 1, "Logs", kind.TYPE_MESSAGE, many, ".sls.Log")
    for number, name in ((2, "Reserved"), (3, "Topic"), (4, "Source"), (5, "MachineUUID")):
        _field(group, number, name, text)
    _field(group, 6, "LogTags", kind.TYPE_MESSAGE, many, ".sls.LogTag")
    return file


def _field(
    message: DescriptorProto,
    number: int,
    name: str,
    kind: FieldDescriptorProto.Type.ValueType,
    label: FieldDescriptorProto.Label.ValueType = FieldDescriptorProto.LABEL_OPTIONAL,
    type_name: str = "",
) -> None:
    message.field.add(name=name, number=number, type=kind, label=label, type_name=type_name or None)
