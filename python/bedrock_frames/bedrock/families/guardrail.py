"""What a guardrail adds to native JSON: ``amazon-bedrock-guardrailAction`` and its trace.

Recorded with Titan and Nova; the service adds both to the JSON of every family.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bedrock_frames.bedrock.content import JsonObject, Reply

INTERVENED: Final = "guardrail_intervened"
_ACTION: Final = "amazon-bedrock-guardrailAction"
_TRACE: Final = "amazon-bedrock-trace"
_NATIVE_NAMES: Final = {
    "modelOutput": "modelOutput",
    "inputAssessment": "input",
    "outputAssessments": "outputs",
    "actionReason": "actionReason",
}
"""Members of Converse's trace, in the order of the native one."""


def action(reply: Reply) -> JsonObject:
    """Return the member that says what a guardrail did; nothing where there was none."""
    if reply.stop_reason == INTERVENED:
        return {_ACTION: "INTERVENED"}
    return {_ACTION: "NONE"} if _stated(reply) is not None else {}


def trace(reply: Reply) -> JsonObject:
    """Return the member that has the guardrail's trace; an empty object without one."""
    stated = _stated(reply)
    if stated is None:
        return {}
    named = {
        native: _outputs(stated[name]) if name == "outputAssessments" else stated[name]
        for name, native in _NATIVE_NAMES.items()
        if name in stated
    }
    return {_TRACE: {"guardrail": named}}


def _stated(reply: Reply) -> JsonObject | None:
    held = (reply.trace or {}).get("guardrail")
    return held if isinstance(held, dict) else None


def _outputs(assessments: object) -> list[JsonObject]:
    """Return ``{id: [assessment, …]}`` as ``[{id: assessment}, …]``."""
    if not isinstance(assessments, dict):
        return []
    return [{name: one} for name, several in assessments.items() for one in several]
