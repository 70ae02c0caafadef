"""Calls without PyO3's argument machinery take what Python functions take, and leak nothing."""

import contextlib
import gc
import inspect
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any

import pytest

import bedrock_frames as bf
from tests.support import wire_format as wire

HEADERS = {":event-type": "chunk", ":message-type": "event"}
PAYLOAD = b'{"bytes":"eyJhIjoxfQ=="}'
FRAME = wire.encode(HEADERS, PAYLOAD)
DAMAGED = FRAME[:-1] + bytes([FRAME[-1] ^ 1])


class TestArguments:
    def test_every_argument_can_be_given_by_name(self) -> None:
        template = bf.Template(HEADERS)

        assert bf.encode(headers=HEADERS, payload=PAYLOAD) == FRAME
        assert bf.encode(HEADERS, payload=PAYLOAD) == FRAME
        assert template.encode(payload=PAYLOAD) == FRAME
        assert template.encode_all(payloads=[PAYLOAD, PAYLOAD]) == FRAME * 2
        assert [m.payload for m in bf.Decoder().feed(chunk=FRAME)] == [PAYLOAD]

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (bf.encode, "missing required argument 'headers'"),
            (bf.Decoder().feed, "missing required argument 'chunk'"),
            (bf.Template(HEADERS).encode, "missing required argument 'payload'"),
            (bf.Template(HEADERS).encode_all, "missing required argument 'payloads'"),
        ],
    )
    def test_missing_arguments_are_named(self, call: Callable[[], object], message: str) -> None:
        with pytest.raises(TypeError, match=message):
            call()

    def test_surplus_arguments_are_refused(self) -> None:
        encode: Any = bf.encode
        feed: Any = bf.Decoder().feed

        with pytest.raises(TypeError, match="at most 2 positional arguments, got 3"):
            encode(HEADERS, PAYLOAD, 1)
        with pytest.raises(TypeError, match="unexpected keyword argument 'body'"):
            encode(HEADERS, body=PAYLOAD)
        with pytest.raises(TypeError, match="multiple values for argument 'headers'"):
            encode(HEADERS, headers=HEADERS)
        with pytest.raises(TypeError, match="at most 1 positional arguments, got 2"):
            feed(FRAME, FRAME)

    def test_methods_refuse_other_objects(self) -> None:
        feed: Any = bf.Decoder.feed

        with pytest.raises(TypeError, match="Decoder"):
            feed(object(), FRAME)

    def test_signatures_can_be_read(self) -> None:
        assert str(inspect.signature(bf.encode)) == "(headers, payload=b'')"
        assert list(inspect.signature(bf.Decoder.feed).parameters) == ["self", "chunk"]
        assert list(inspect.signature(bf.Message).parameters) == ["headers", "payload"]

    @pytest.mark.parametrize("kind", [bytearray, memoryview])
    def test_other_buffers_and_iterables_are_taken(self, kind: Callable[[bytes], Any]) -> None:
        template = bf.Template(HEADERS)

        assert bf.encode(HEADERS, kind(PAYLOAD)) == FRAME
        assert template.encode(kind(PAYLOAD)) == FRAME
        assert template.encode_all([PAYLOAD, kind(PAYLOAD)]) == FRAME * 2
        assert template.encode_all(iter([PAYLOAD])) == FRAME
        assert len(bf.Decoder().feed(kind(FRAME))) == 1


class TestHeaders:
    def test_they_are_the_same_object_for_all_messages_that_carry_them(self) -> None:
        first, second = bf.decode_all(FRAME * 2)

        assert first.headers is second.headers

    def test_they_behave_as_a_read_only_dict(self) -> None:
        headers: Any = bf.decode(FRAME).headers
        assert isinstance(bf.decode(FRAME).headers, Mapping)

        assert dict(headers) == headers.copy() == HEADERS
        assert list(reversed(headers)) == list(reversed(HEADERS))
        assert headers | {"a": "b"} == HEADERS | {"a": "b"}
        assert {"a": "b"} | headers == {"a": "b"} | HEADERS
        assert headers | headers == HEADERS
        assert headers == bf.decode(FRAME).headers
        assert headers != {}
        assert repr(headers) == f"HeaderMapping({HEADERS!r})"
        assert headers.get("absent", 5) == 5
        match headers:
            case {":event-type": kind}:
                assert kind == "chunk"
            case _:
                pytest.fail("it is no mapping for a match statement")

    def test_a_key_without_a_hash_is_a_type_error(self) -> None:
        headers: Any = bf.decode(FRAME).headers
        dict(headers)

        with pytest.raises(TypeError, match="unhashable"):
            headers[[]]
        with pytest.raises(TypeError, match="unhashable"):
            hash(headers)
        with pytest.raises(KeyError):
            headers[1]

    def test_they_cannot_be_made_by_hand(self) -> None:
        make: Any = type(bf.decode(FRAME).headers)

        with pytest.raises(TypeError):
            make()


SUBINTERPRETER = """
import _xxsubinterpreters as interpreters
import bedrock_frames as bf

frame = bf.encode({":event-type": "chunk"}, b"x")
bf.Decoder().feed(frame)
code = '''
import bedrock_frames as bf
(message,) = bf.Decoder().feed(FRAME)
assert message.event_type == "chunk" and message.headers[":event-type"] == "chunk"
try:
    bf.Decoder().feed(FRAME[:-1] + b"?")
except bf.ChecksumMismatch:
    print("read")
'''
interpreters.run_string(interpreters.create(), code.replace("FRAME", repr(frame)))
"""

IMPORTED_TWICE = """
import sys
import bedrock_frames as bf

message, kind = bf.Message({"a": "b"}), bf.Message
for name in [name for name in sys.modules if name.startswith("bedrock_frames")]:
    del sys.modules[name]
import bedrock_frames as again

assert again.Message is kind
assert again.encode_all([message]) == message.encode()
"""


def output_of(code: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return run.stdout


class TestForeignCode:
    """Code of the caller that runs in the middle of a call changes nothing for others."""

    def test_an_exception_of_a_key_is_raised(self) -> None:
        class Interrupting:
            def __hash__(self) -> int:
                raise KeyboardInterrupt

        headers: Any = bf.decode(FRAME).headers
        dict(headers)
        with pytest.raises(KeyboardInterrupt):
            headers[Interrupting()]

    def test_no_other_class_is_handed_the_values_themselves(self) -> None:
        class Emptying(dict[str, str]):
            def __eq__(self, other: object) -> bool:
                assert isinstance(other, dict)
                other.clear()
                return False

            def __ror__(self, other: Any) -> Any:
                other.clear()
                return self

            __hash__ = None

        headers: Any = bf.decode(FRAME).headers
        assert headers != Emptying()
        assert headers | Emptying() is not None
        assert bf.decode(FRAME).headers == headers == HEADERS

    def test_a_dict_that_a_finaliser_changes_is_not_read_on(self) -> None:
        class Clearing:
            def __init__(self, changed: dict[str, str]) -> None:
                self.changed = changed
                self.cycle = self

            def __del__(self) -> None:
                self.changed.clear()

        threshold = gc.get_threshold()
        gc.set_threshold(1)
        try:
            for index in range(200):
                headers = {"\ud800": "é" * 20 + str(index), "x": str(index)}
                Clearing(headers)
                with contextlib.suppress(bf.InvalidHeader):
                    bf.encode(headers, b"")
        finally:
            gc.set_threshold(*threshold)

    def test_headers_are_those_of_when_the_call_began(self) -> None:
        headers: dict[str, Any] = {}

        class Growing(tzinfo):
            def utcoffset(self, _: datetime | None) -> timedelta:
                headers[str(len(headers))] = "x"
                return timedelta(0)

            def dst(self, _: datetime | None) -> None:
                return None

            def tzname(self, _: datetime | None) -> None:
                return None

        headers["t"] = datetime(2026, 1, 1, tzinfo=Growing())
        frame = bf.encode(headers, b"")

        assert list(bf.decode(frame).headers) == ["t"]
        assert len(headers) > 1

    @pytest.mark.skipif(sys.version_info >= (3, 12), reason="interpreters have a GIL each")
    def test_another_interpreter_reads_frames_too(self) -> None:
        assert output_of(SUBINTERPRETER) == "read\n"

    def test_the_module_can_be_imported_once_more(self) -> None:
        assert output_of(IMPORTED_TWICE) == ""


class TestRecentHeaders:
    """``encode`` recognises string objects that it was given before."""

    def test_changed_dicts_are_other_headers(self) -> None:
        headers: dict[str, Any] = dict(HEADERS)
        for value in ("chunk", "metadata", "chunk", 5, b"x", "chunk"):
            for _ in range(3):
                headers[":event-type"] = value
                assert bf.decode(bf.encode(headers, PAYLOAD)).headers == headers

    def test_another_order_is_another_block(self) -> None:
        backwards = dict(reversed(HEADERS.items()))
        for _ in range(5):
            assert bf.encode(HEADERS, b"") == wire.encode(HEADERS, b"")
            assert bf.encode(backwards, b"") == wire.encode(backwards, b"")

    def test_more_headers_than_the_cache_holds_are_distinguished(self) -> None:
        sets = [{":event-type": f"type{index}"} for index in range(9)]
        for _ in range(40):
            for headers in sets:
                assert bf.encode(headers, PAYLOAD) == wire.encode(headers, PAYLOAD)

    def test_new_strings_each_call_are_right_and_are_not_kept(self) -> None:
        for index in range(2_000):
            headers = {":event-type": f"type{index}"}
            assert bf.encode(headers, b"") == wire.encode(headers, b"")
        kept = "".join(["never", "-", "kept"])
        for index in range(600):
            bf.encode({":event-type": f"more{index}", "x": kept}, b"")
        # Its own name, the argument, and at most the few sets of headers that are kept.
        assert sys.getrefcount(kept) <= 2 + 4

    def test_subclasses_of_str_are_read_each_time(self) -> None:
        class Text(str):
            __slots__ = ()

        headers = {":event-type": Text("chunk")}
        for _ in range(5):
            assert bf.decode(bf.encode(headers, b"")).event_type == "chunk"

    def test_strings_without_utf8_are_refused_each_time(self) -> None:
        for _ in range(3):
            with pytest.raises(bf.InvalidHeader, match="no UTF-8 form"):
                bf.encode({":event-type": "\ud800"}, b"")


def grown(work: Callable[[], object], rounds: int = 2_000) -> int:
    """Return by how many bytes Python's own memory grows over many rounds."""
    for _ in range(300):
        work()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(rounds):
            work()
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def refused(call: Callable[..., object], *arguments: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        call(*arguments)


class TestMemory:
    @pytest.mark.parametrize(
        "work",
        [
            lambda: bf.Decoder().feed(FRAME * 3),
            lambda: bf.Decoder().feed(FRAME * 200),
            lambda: bf.Decoder().feed(FRAME * 3 + DAMAGED),
            lambda: refused(bf.Decoder().feed, DAMAGED),
            lambda: refused(bf.Decoder().feed, 5),
            lambda: refused(bf.encode, {"": "x"}, b""),
            lambda: refused(bf.encode, {"x": object()}, b""),
            lambda: refused(bf.encode, HEADERS, 5),
            lambda: refused(bf.Template(HEADERS).encode_all, [b"", 5]),
            lambda: refused(bf.Message, {"x": object()}),
            lambda: bf.encode({"x": str(object())}, PAYLOAD),
            lambda: dict(bf.decode(wire.encode({"x": str(object())}, b"")).headers),
        ],
        ids=range(12),
    )
    def test_neither_results_nor_errors_leave_anything_behind(
        self, work: Callable[[], object]
    ) -> None:
        assert grown(work, 1_000) < 20_000

    def test_freed_messages_are_counted_once(self) -> None:
        payloads = [bytes([index % 256]) * 40 for index in range(1_000)]
        frames = b"".join(wire.encode(HEADERS, payload) for payload in payloads)
        kind = sys.intern("chunk")
        for _ in range(3):
            messages = bf.Decoder().feed(frames)
            assert [m.payload for m in messages] == payloads
            assert {m.event_type for m in messages} == {kind}
            del messages
        block = bf.decode(FRAME).headers
        assert sys.getrefcount(block) < 10
