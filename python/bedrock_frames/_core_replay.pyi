"""The fixture server's engine: a part of the stub of :mod:`bedrock_frames._core`.

Only types live here. At run time there is no such module: import from ``bedrock_frames._core``.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Self, final

from bedrock_frames.contract import Compile

MAX_JOURNAL_BYTES: Final[int]

MAX_REGEXES_BYTES: Final[int]

class UnsupportedModel(ValueError):
    """A model family cannot carry the content of a fixture.

    Raised by a ``Compile``; the client gets a ValidationException with its text.
    """

def check_timing(timing: Mapping[str, object]) -> None:
    """Check a timing, as :class:`Rule` takes it.

    Raises:
        ValueError: the text begins with the path of what is wrong, and says what is allowed.
    """

@final
class Plan:
    """What one response says: its bytes, made once. Immutable."""

    def __new__(
        cls,
        *,
        status: int = 200,
        headers: Sequence[tuple[str, str]],
        frames: Sequence[bytes],
        steps: Sequence[int],
        stream_frames: int | None = None,
        first_content: int = 0,
        ids: Sequence[str] = ...,
        tokens: Sequence[tuple[int, int]] = ...,
        latency: int | None = None,
        first_byte: int | None = None,
    ) -> Self:
        """Make a plan.

        ``frames`` are a stream's event-stream frames, or ``[body]`` for a whole answer; a stream is
        what has the content type ``application/vnd.amazon.eventstream``. ``steps[i]`` is the
        content step that frame ``i`` goes out with, never falling: content event ``k`` is step
        ``k``, what stands before the first content event is step 0, a block start goes with the
        content after it, and what ends a block or the message with the content before it.

        A whole answer has one frame, whose step is the last step of its stream, and
        ``stream_frames`` says how many frames its stream has: it takes the time that its stream
        would have taken. ``first_content`` is the index of the first frame of the stream that has
        content.

        ``ids`` are ids that stand in the frames: for each request, the last 22 letters of each are
        drawn again. ``tokens`` are pairs of a number that stands there, or in a header, and what is
        added to the request's tokens to get what takes its place. ``latency`` is a number that
        stands for the milliseconds of the answer's whole schedule: as ``latencyMs``, as
        ``invocationLatency`` or as a header; ``first_byte`` one that stands for the time of the
        first content, as ``firstByteLatency``. The plan itself tells 1 for both.

        Raises:
            ValueError: ``steps`` is not as long as ``frames`` or falls, a status cannot have a
                body, a header cannot stand in HTTP, or an id has fewer than 22 letters.
        """
    @staticmethod
    def error(
        name: str,
        message: str,
        *,
        status: int | None = None,
        headers: Sequence[tuple[str, str]] = ...,
    ) -> Plan:
        """Return a typed AWS error: ``x-amzn-ErrorType`` and ``{"message": …}``.

        The status is the service's own for that name unless it is given.

        Raises:
            ValueError: the name is not one that Bedrock Runtime knows, and no status is given; or
                the status cannot have a body.
        """
    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers; names in lower case."""
    @property
    def frames(self) -> list[bytes]: ...
    @property
    def steps(self) -> list[int]: ...
    @property
    def stream_frames(self) -> int | None: ...
    @property
    def body(self) -> bytes:
        """All frames, joined."""

@final
class Rule:
    """When a fixture answers, and how fast. Immutable.

    ``criteria`` has these keys, all optional; a request must meet all that are there. ``Text`` is
    ``{"equals": str}``, ``{"contains": str}`` or ``{"regex": str}`` (Rust syntax: no look-around).

    - ``user_message`` (Text): the last user message that has text.
    - ``system_message`` (list of Text): all hold on the joined system text.
    - ``tool_call_id`` (Text): some tool result of the last message has that id.
    - ``tool_result`` (Text): the text of some tool result of the last message; JSON is compact.
    - ``tool_name`` (Text): some tool definition of the request has that name.
    - ``input_text`` (Text): ``inputText``, ``prompt``, ``message`` or ``texts`` of a native body.
    - ``model`` (Text, or ``{"model": str}``): Text is tried on the model id as given. ``model``
      means that id, or one that goes on with ``-`` and a digit; it is also tried without an ARN's
      path and without a region prefix (``us.``, ``eu.``, …).
    - ``operation`` (list of ``Operation``). A CountTokens request is matched by the rules that
      name it, and estimated otherwise.
    - ``session`` (Text), ``context`` (Text, of the header ``X-AIMock-Context``).
    - ``has_tool_result`` (bool): a tool result stands after the last message that is a user's own.
    - ``sequence_index`` (int): how many requests of the session the rules of the same criteria
      answered before.
    - ``turn_index`` (int): the number of assistant messages. It never refuses: of all rules that
      match, the highest turn not ahead of the request wins over rules without one (at the very turn
      the earlier of the two wins); turns ahead lose to rules without one; else the lowest wins.

    ``identity`` (128 bits) is what the fixture is, wherever it stands: draws follow from it, or
    from the rule's index where it is None.

    ``weights`` has one weight for each variant of the answer; there is one variant unless it says
    more. ``dynamic``: the answer depends on the request, and is compiled for each; ``whole``: on
    all of it, the body too. ``agents``: for each variant that is an automatic agent, its rounds and
    whether it repeats the user's text. ``timing`` is exactly one of

    - ``{"ttft": …, "gap": …, "tokens_per_event": int, "stall": …, "load": …, "speed": float}``
      (each optional): drawn for every answer, as docs/timing.md says,
    - ``{"ttft_ms": float, "gap_ms": float}``: step 0, and each step after it,
    - ``{"latency_ms": float}``: before every frame,
    - ``{"profile": {"ttft_ms": float, "tps": float, "jitter": float}}`` (each optional): the first
      frame, and every other one 1000 / tps ms later, each times 1 ± jitter (seeded),
    - ``{"recorded": {"ttft_ms": float, "delays_ms": list[float]}}``: the first frame, and each one
      after it; the last delay goes on,

    and ``"replay_speed": float`` divides all but the first. ``variant_timings``: for each variant,
    one instead of the rule's. ``None`` is the engine's timing. An error is timed only by a timing
    of its own rule.

    Raises:
        ValueError: the text says which key, and what it may be.
    """

    def __new__(
        cls,
        *,
        criteria: Mapping[str, object],
        name: str,
        identity: int | None = None,
        place: str | None = None,
        weights: Sequence[float] = ...,
        dynamic: bool = False,
        whole: bool = False,
        agents: Sequence[tuple[int, bool] | None] = ...,
        timing: Mapping[str, object] | None = None,
        variant_timings: Sequence[Mapping[str, object] | None] = ...,
        truncate_after_frames: int | None = None,
        disconnect_after_ms: float | None = None,
    ) -> Self:
        """Make a rule.

        ``truncate_after_frames`` cuts a stream's connection right after that many frames;
        ``disconnect_after_ms`` cuts any answer that is not over by then. The earlier one holds.
        """
    @property
    def name(self) -> str: ...
    @property
    def place(self) -> str | None:
        """Where the fixture stands, for the journal and the figures."""
    @property
    def identity(self) -> int | None: ...
    @property
    def regex_bytes(self) -> int: ...
    @property
    def dynamic(self) -> bool: ...
    @property
    def weights(self) -> list[float]: ...

@final
class Answer:
    """One response, with the times when its bytes are due."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """All headers but date, length and transfer headers; names in lower case."""
    @property
    def body(self) -> bytes: ...
    @property
    def stream(self) -> bool:
        """Whether the body is an event stream."""
    @property
    def fixture(self) -> int | None:
        """The index of the rule that answered; None for an answer of the engine's own."""
    @property
    def operation(self) -> str | None: ...
    @property
    def request_id(self) -> str: ...
    @property
    def writes(self) -> Writes:
        """(seconds after arrival when due, end offset in the body), never falling.

        Frames that are due together are one write; an answer without timing is one write at 0.0.
        """
    @property
    def abort_after(self) -> tuple[float, int] | None:
        """Cut the connection at that time, having sent exactly ``body[:offset]``."""
    @property
    def paced(self) -> bool:
        """Whether some of it is due later than at once, or is cut."""
    @property
    def frames(self) -> int:
        """How many frames there are to send."""

@final
class Playback:
    """One answer being sent: what of it is due, what was late, and how it ended.

    Has neither a socket nor a clock: ``now`` is seconds since the request was there.
    """

    def __new__(cls, answer: Answer) -> Self: ...
    def next(self, now: float, most: int) -> bytes | float | None:
        """Return what to do: send these bytes, wait until that time, or end.

        At most ``most`` bytes are returned at a time. The first of them may be empty: the head of
        the response is due with them. At the end, :attr:`is_cut` says how to close.
        """
    @property
    def is_cut(self) -> bool:
        """Whether the fixture cuts the connection before the end of the body."""
    @property
    def is_complete(self) -> bool:
        """Whether all of the body was returned by :meth:`next`, and no cut follows."""
    @property
    def is_paced(self) -> bool:
        """Whether some of it is due later than at once."""
    def sent(self, count: int, now: float) -> list[float]:
        """Note that the transport has taken ``count`` bytes more of the body.

        Returns the lateness, in seconds, of each paced write whose last byte that was.
        """
    def finish(self, end: str, now: float) -> Settlement:
        """Return how it ended: delivered, client_left, stalled, cut, stopped or failed.

        Of a delivery it may be asked before the last bytes go.

        Raises:
            ValueError: ``end`` is not one of these.
        """

@final
class Settlement:
    """How an answer ended: the one account of it, for the journal and for metrics."""

    @property
    def request_id(self) -> str: ...
    @property
    def end(self) -> str:
        """The argument of :meth:`Playback.finish`."""
    @property
    def outcome(self) -> str:
        """What the journal says of it: "cut" for "stopped", else the same."""
    @property
    def frames(self) -> int:
        """Whole frames that were sent; a body that is not an event stream is one frame."""
    @property
    def bytes(self) -> int:
        """Bytes of the body that were sent."""
    @property
    def is_stream(self) -> bool:
        """Whether the body is an event stream."""
    @property
    def duration(self) -> float:
        """Seconds from when the request was there."""
    @property
    def lateness(self) -> float | None:
        """The largest lateness of a paced write, in seconds; None where nothing was paced."""

@final
class Writes:
    """The pairs of :attr:`Answer.writes`, made when they are asked for."""

    def __len__(self) -> int: ...
    def __getitem__(self, key: int, /) -> tuple[float, int]: ...
    def __iter__(self) -> Iterator[tuple[float, int]]: ...

@final
class Job:
    """A call of a ``Compile`` that another thread waits for."""

    @property
    def callable(self) -> Compile: ...
    @property
    def arguments(self) -> tuple[int, int, str, str, str, Mapping[str, object] | None]: ...
    def returned(self, plan: Plan) -> None:
        """Tell what it has returned."""
    def raised(self, error: BaseException) -> None:
        """Tell what it has raised."""

@final
class Pending:
    """An answer whose plan is still to be made, which may take as long as a compiler takes."""

    def finish(self) -> Answer:
        """Make the plan, and answer. Any thread may do that, once.

        Raises:
            RuntimeError: it was done before.
        """

@final
class JournalEntry:
    """One request, and what became of it."""

    @property
    def id(self) -> int:
        """Its place in the order of all requests since the engine was made."""
    @property
    def request_id(self) -> str: ...
    @property
    def arrived(self) -> float:
        """Unix time in seconds."""
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str:
        """The path as it came, percent-encoding and all, without the query."""
    @property
    def operation(self) -> str | None: ...
    @property
    def model(self) -> str | None:
        """The model id, decoded."""
    @property
    def session(self) -> str: ...
    @property
    def attempt(self) -> int:
        """Which attempt of the SDK it was, from 1."""
    @property
    def headers(self) -> dict[str, str]:
        """Names in lower case; values of secret headers are "[redacted]"."""
    @property
    def body(self) -> bytes:
        """The body as it came, up to ``journal_body_bytes`` of it."""
    def json(self) -> Any:
        """Return the body, parsed.

        Raises:
            ValueError: it is not JSON, or the journal has only a part of it.
        """
    @property
    def body_bytes(self) -> int:
        """How long the body was."""
    @property
    def status(self) -> int: ...
    @property
    def fixture(self) -> int | None: ...
    @property
    def place(self) -> str | None:
        """Where the fixture that answered stood: its file, and its path there."""
    @property
    def broken_rules(self) -> list[str]:
        """Rules of the service that it breaks, in the order of the service's checks."""
    @property
    def duration(self) -> float | None:
        """Seconds from when the request was there to the end of its answer, once it has ended."""
    @property
    def lateness(self) -> float | None:
        """The most that a paced write was late, in seconds; None where nothing was paced."""
    @property
    def outcome(self) -> str:
        """How it ended: "pending" until the transport settles it.

        Then "delivered", "client_left", "stalled" (the client did not read on), "cut" (as the
        fixture asks, or by a stop of the server) or "failed" (an internal error).
        """
    @property
    def sent_frames(self) -> int: ...

@final
class Engine:
    """Answers Bedrock Runtime requests. Has no sockets and no clock, and may be shared by threads.

    Everything that it draws (weights, times) follows from ``seed``, the rule, the session and the
    number of requests before in the session; request ids from ``seed`` and the number of all
    requests.
    """

    def __new__(
        cls,
        *,
        seed: int = 0,
        strict: bool = False,
        max_body_bytes: int = 25_000_000,
        journal_entries: int = 1000,
        journal_body_bytes: int = 1_048_576,
        max_sessions: int = 10_000,
        max_plan_bytes: int = 268_435_456,
        timing: Mapping[str, object] | None = None,
        requests: str = "off",
        request_rules: str | None = None,
    ) -> Self:
        """Make an engine without rules. ``journal_entries=0`` keeps no journal.

        ``requests``: "warn" notes what rules of the service a request breaks, "refuse" refuses it;
        both need the table of ``bedrock_frames.bedrock.request_rules.compiled()``.

        Compiled plans are remembered up to ``max_plan_bytes`` together, and the latest in any case.
        """
    def load(
        self,
        rules: Sequence[Rule],
        compile: Compile,  # noqa: A002
        *,
        keep_plans: bool = False,
    ) -> None:
        """Replace all rules at once.

        Sessions keep their place in the sequences of criteria that some rules had before and some
        have now; all other sequences begin at 0. Compiled plans are forgotten. With ``keep_plans``,
        those of rules whose ``identity`` is in both sets are kept: ``compile`` must make the same
        plans for them as the compiler before. Every rule needs an ``identity`` for that.

        A rule's index is its fixture index; where several match, the earlier one answers.
        """
    def answer(
        self,
        method: str,
        target: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        *,
        arrived: float,
    ) -> Answer | None:
        """Answer one request, or return None where its path is not one of Bedrock Runtime's.

        What has to be compiled for it is compiled meanwhile.

        ``target`` is the raw path and query, not decoded. ``arrived`` (Unix time, seconds) is for
        the journal alone. Whatever the bytes are, there is an answer, and none of the engine's own
        is a 500.
        """
    def begin(
        self,
        method: str,
        target: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        *,
        arrived: float,
    ) -> Answer | Pending | None:
        """Answer as :meth:`answer` does, but leave it to the caller when to compile."""
    def set_timing(self, timing: Mapping[str, object] | None) -> None:
        """Change the timing of rules that have none. Answers that have begun keep theirs."""
    def refuses(self, method: str, target: bytes) -> bool:
        """Return whether a request is refused by its head alone, whatever its body is.

        Such a body may never end: that of InvokeModelWithBidirectionalStream does not.
        """
    def note_foreign(
        self,
        method: str,
        target: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        *,
        arrived: float,
        status: int,
    ) -> str:
        """Note a request for another service in the journal; return the id of its answer.

        It is counted in :attr:`requests`, and takes no seeded draw from Bedrock's requests.

        Raises:
            ValueError: the status is none of HTTP.
        """
    def take_misses(self) -> tuple[list[str], int]:
        """Return why requests were not matched since the last call, and how many more there were.

        At most ten lines are kept.
        """
    def take_warnings(self) -> tuple[list[str], int]:
        """Return the first break of each rule since the last call, and how many more there were."""
    @property
    def broken_rules(self) -> dict[str, int]:
        """Requests that broke a rule of the service, by rule."""
    def reset(self, *, journal: bool = True, sequences: bool = True) -> None:
        """Empty the journal; reset sequences, the seeded draws and one-shot errors."""
    def next_error(self, plan: Plan, times: int = 1) -> None:
        """Answer the next ``times`` well-formed Bedrock requests with ``plan``, before matching.

        Several wait in line, first in, first out (ValueError above 1,000).
        """
    def journal(
        self,
        *,
        offset: int = 0,
        limit: int = 100,
        session: str | None = None,
        path: str | None = None,
        method: str | None = None,
        status: int | None = None,
        newest: bool = False,
    ) -> tuple[int, list[JournalEntry]]:
        """Return (how many entries match, a page of them), oldest or ``newest`` first.

        The journal holds at most ``MAX_JOURNAL_BYTES`` of bodies and headers: the oldest go.
        """
    def verify(self, rule: Rule) -> list[tuple[JournalEntry, bool | None, list[str]]]:
        """Judge the requests of the journal by a rule's criteria and turn, oldest first.

        For each: whether it meets them, and which conditions do not hold. None where the journal
        kept too little of its body to tell.
        """
    def settle(self, settlement: Settlement) -> None:
        """Tell the journal how an answer ended. A later settlement replaces an earlier one."""
    @property
    def requests(self) -> dict[tuple[str, int], int]:
        """Requests answered, by (operation, status); the operation is "unknown" for other paths."""
    @property
    def models(self) -> dict[str, int]:
        """Requests to models, by model id: the first hundred, and "other"."""
    @property
    def answered(self) -> dict[str, int]:
        """Requests answered by fixtures, by their place: the first thousand, and "other"."""
    @property
    def unmatched(self) -> int:
        """Requests that no rule answered, among those that could be matched."""
    @property
    def fixtures(self) -> int: ...
    @property
    def sessions(self) -> int:
        """Sessions that have sequence state."""
    @property
    def evicted_sessions(self) -> int:
        """Sessions whose sequence state was given up for ``max_sessions``."""
    @property
    def evicted_requests(self) -> int | None:
        """Requests that the journal dropped for lack of room since it was emptied.

        None where the journal is off.
        """
