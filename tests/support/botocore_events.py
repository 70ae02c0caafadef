"""Event-stream shapes, and the responses that services and others might send for them."""

from __future__ import annotations

import json
from base64 import b64encode
from functools import cache
from typing import Any, Final, TypeAlias

import botocore.session
from botocore.model import ListShape, MapShape, Shape, ShapeResolver, StructureShape
from hypothesis import strategies as st

Response: TypeAlias = dict[str, Any]

OPERATIONS: Final = {
    "ConverseStream": "stream",
    "InvokeModelWithResponseStream": "body",
    "InvokeModelWithBidirectionalStream": "body",
}
"""Bedrock's operations that stream, and the output member that is the stream."""


def _structure(traits: str, **members: str) -> dict[str, Any]:
    """Return a structure; members are spelled ``Shape``, ``Shape=location``, ``Shape+trait``."""
    return {
        "type": "structure",
        "members": {name: _reference(spelled) for name, spelled in members.items()},
        **dict.fromkeys(traits.split(), True),
    }


def _reference(spelled: str) -> dict[str, Any]:
    shape, _, location_name = spelled.partition("=")
    shape, _, trait = shape.partition("+")
    named = {"locationName": location_name} if location_name else {}
    return {"shape": shape} | named | ({trait: True} if trait else {})


EVENT: Final = {
    "Renamed": "Text=text",
    "recursive": "Node",
    "document": "Document",
    "union": "Union",
    "list": "Texts",
    "unions": "Unions",
    "blobs": "Blobs",
    "map": "UnionMap",
    "lists": "ListMap",
    "times": "TimeMap",
    "blob": "Blob",
    "time": "Time",
    "whole": "Whole",
    "real": "Real",
    "flag": "Flag",
    "empty": "Bare",
    "odd": "Twins",
    "typed": "TypedUnion",
}
"""The members of ``event``, one for everything that a model can say."""

_SHAPES: Final[dict[str, Any]] = {
    "Stream": _structure(
        "eventstream",
        event="Event",
        choice="ChoiceEvent",
        bare="Bare",
        doc="DocumentEvent",
        head="HeaderEvent",
        raw="RawEvent",
    ),
    "Event": _structure("event", **EVENT),
    "ChoiceEvent": _structure("event union", text="Text"),
    "DocumentEvent": _structure("event document"),
    "HeaderEvent": _structure("event", text="Text+eventheader", time="Time+eventheader"),
    "RawEvent": _structure("event", blob="Blob+eventpayload"),
    "Bare": _structure(""),
    "Node": _structure("", next="Node", text="Text"),
    "Twins": _structure("", one="Text=text", two="Text=text"),
    "TypedUnion": _structure("union", kind="Text=__type", text="Text"),
    "Document": _structure("document"),
    "Union": _structure("union", text="Text", list="Texts", blob="Blob"),
    "Texts": {"type": "list", "member": {"shape": "Text"}},
    "Unions": {"type": "list", "member": {"shape": "Union"}},
    "Blobs": {"type": "list", "member": {"shape": "Blob"}},
    "UnionMap": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Union"}},
    "ListMap": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Texts"}},
    "TimeMap": {"type": "map", "key": {"shape": "Time"}, "value": {"shape": "Text"}},
    "Text": {"type": "string"},
    "Blob": {"type": "blob"},
    "Time": {"type": "timestamp"},
    "Whole": {"type": "integer"},
    "Real": {"type": "double"},
    "Flag": {"type": "boolean"},
}

ODDITIES: Final = [
    *("0", "-0", "01", "-0.0", "1.50", "1.", ".5", "1e5", "1E400", "-1e-400", "1e", "+1", "0x1"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775809", "1" * 40, "1" * 5000),
    *("2.2250738585072011e-308", "0.1", "5e-324", "1.7976931348623157e308", "9007199254740993.0"),
    *("NaN", "Infinity", "-Infinity", "true", "True", "null", "nul", "", "'a'", "1/**/", "[1,]"),
    *('""', '"a', '"é"', r'"\u00e9"', r'"\ud83d\ude00"', r'"\ud800"', r'"\udc00x"', r'"\u12"'),
    *(r'"\x"', r'"\/"', r'"\u0000"', '"\x01"', '"\x7f"', '"\ufeff"', '"2020-01-01T00:00:00Z"'),
    *('"aGk="', '"aGk"', '"aG k="', '"aGl="', '"aGk=="', '"="', '"a-_b"', r'"\u0061Gk="', '"aé=="'),
    *("[]", "{}", "[null]", '{"text":"a"}', '{"text":null}', '{"text":"a","list":["b"]}', "1_0"),
    *('{"text":"a","zz":null}', '{"zz":"a"}', '{"text":1,"text":null}', '{"text":1,"text":2}'),
    *('{"__type":"t","text":"a"}', '{"zz":1,"__type":"t"}', "[" * 100 + "]" * 100, "{}}", " 1 "),
    *('["a",null,1]', '{"a":null}', '{"a":["b"],"a":null}', '["aGk=",null]', "1e300"),
    *('{"next":{"next":{}}}', '{"next":{"next":{"text":1}},"next":null}', '{"text":"a","text":[]}'),
]
"""JSON, or nearly, on which two parsers might disagree."""


@cache
def bedrock(operation: str) -> StructureShape:
    """Return the shape of a Bedrock operation's event stream."""
    model = botocore.session.get_session().get_service_model("bedrock-runtime")
    output = model.operation_model(operation).output_shape
    assert output is not None
    stream = output.members[OPERATIONS[operation]]
    assert isinstance(stream, StructureShape)
    return stream


@cache
def everything() -> StructureShape:
    """Return the shape of a stream whose events use everything that a model can say."""
    stream = ShapeResolver(_SHAPES).get_shape_by_name("Stream")
    assert isinstance(stream, StructureShape)
    return stream


def response_of(event_type: str, body: bytes) -> Response:
    """Return what a buffer's message gives for an event."""
    headers = {":event-type": event_type, ":content-type": "application/json"}
    return {"status_code": 200, "headers": {**headers, ":message-type": "event"}, "body": body}


@st.composite
def responses(draw: st.DrawFn) -> tuple[StructureShape, Response]:
    """Draw a stream's shape and the response of one of its members, exceptions included."""
    stream = draw(st.sampled_from([*map(bedrock, OPERATIONS), everything()]))
    name = draw(st.sampled_from(list(stream.members)))
    body = draw(st.one_of(_sent(stream.members[name], 4), _anything))
    return stream, response_of(name, body.encode(errors="surrogatepass"))


def _array(parts: list[str]) -> str:
    return f"[{','.join(parts)}]"


def _objects(
    names: st.SearchStrategy[str], values: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    members = st.builds(lambda name, value: f"{json.dumps(name)}: {value}", names, values)
    return st.lists(members, max_size=4).map(lambda parts: f"{{{','.join(parts)}}}")


_scalars: Final = st.sampled_from(ODDITIES) | st.builds(
    json.dumps,
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    ensure_ascii=st.booleans(),
)
_names: Final = st.sampled_from(["text", "a", "zz", "p"])
_anything: Final[st.SearchStrategy[str]] = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3).map(_array) | _objects(_names, inner),
    max_leaves=6,
)
_unknown: Final = st.sampled_from(["", '"p":"abc"', '"zz":[{"a":1}]', '"p":null'])


def _sent(shape: Shape, depth: int) -> st.SearchStrategy[str]:
    """Return JSON as a service would send it, and a little that it would not."""
    modeled = _modeled(shape, depth)
    return st.one_of(modeled, modeled, modeled, _anything)


def _modeled(shape: Shape, depth: int) -> st.SearchStrategy[str]:
    if depth == 0:
        return st.just("null")
    if isinstance(shape, ListShape):
        return st.lists(_sent(shape.member, depth - 1), max_size=3).map(_array)
    if isinstance(shape, MapShape):
        return _objects(st.text(max_size=3), _sent(shape.value, depth - 1))
    if shape.type_name == "blob":
        return st.binary(max_size=40).map(lambda data: f'"{b64encode(data).decode()}"')
    if not isinstance(shape, StructureShape) or shape.is_document_type or not shape.members:
        return _scalars
    members = [_member(name, member, depth) for name, member in shape.members.items()]
    if shape.is_tagged_union:
        return st.one_of(members).map("{{{}}}".format)
    parts = st.permutations([_unknown, *(st.just("") | member for member in members)])
    return parts.flatmap(lambda drawn: st.tuples(*drawn)).map(
        lambda drawn: f"{{{','.join(filter(None, drawn))}}}"
    )


def _member(name: str, member: Shape, depth: int) -> st.SearchStrategy[str]:
    json_name = json.dumps(member.serialization.get("name", name))
    return _sent(member, depth - 1).map(lambda value: f"{json_name}:{value}")
