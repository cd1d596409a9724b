"""Convert LiveKit's messages from and to protobuf, the form in which LiveKit's own clients call the
SIP service.

The descriptors come from LiveKit's package `livekit-protocol`, so that a field has the number that
LiveKit gives it. Bodies become the JSON objects that the routes handle, with names in snake case.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from reconciler.sandbox.http.messages import Reply

CONTENT_TYPE = "application/protobuf"


class ProtobufUnavailable(Exception):
    """The package with LiveKit's messages is not installed."""


def decode(method: str, body: bytes) -> dict[str, Any]:
    """Return the request of a method as a JSON object; names are in snake case.

    Raises ProtobufUnavailable, and ValueError for bytes that are no such message.
    """
    from google.protobuf.json_format import MessageToDict
    from google.protobuf.message import DecodeError

    message = _messages(method)[0]()
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise ValueError("the body is no message of this method") from error
    return MessageToDict(message, preserving_proto_field_name=True)


def encode(method: str, answer: object) -> Reply:
    """Return the answer of a method as protobuf; fields that LiveKit does not know are left out."""
    from google.protobuf.json_format import ParseDict

    message = _messages(method)[1]()
    ParseDict(msgspec.to_builtins(answer), message, ignore_unknown_fields=True)
    return Reply(200, message.SerializeToString(), (("Content-Type", CONTENT_TYPE),))


@cache
def _messages(method: str) -> tuple[Any, Any]:
    """Return the classes of the request and the answer of a method of the SIP service."""
    try:
        from google.protobuf.message_factory import GetMessageClass
        from livekit.protocol import sip
    except ImportError as error:
        raise ProtobufUnavailable from error

    described = sip.DESCRIPTOR.services_by_name["SIP"].methods_by_name[method]
    return GetMessageClass(described.input_type), GetMessageClass(described.output_type)
