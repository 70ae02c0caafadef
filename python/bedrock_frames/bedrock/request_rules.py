"""Requests that the service refuses: the rules, and the constraints of its model, for the engine.

``request_rules.json`` is the one table of rules: what each one says, of which models, how sure that
is, and from where. The engine has their conditions. Constraints come from botocore's model.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from bedrock_frames.bedrock.model import definitions

if TYPE_CHECKING:
    from collections.abc import Collection

Requests: TypeAlias = Literal["off", "warn", "refuse"]
"""What a server does about requests that the service refuses."""

REQUESTS: Final[tuple[Requests, ...]] = ("off", "warn", "refuse")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRule:
    """One rule; ``confidence`` A (two reports or more), B (one), or ? (text or condition unsure).

    ``models`` are parts of model ids, none for all models.
    """

    id: str
    confidence: str
    phase: str
    condition: str
    message: str
    source: str
    models: tuple[str, ...]

    @property
    def refuses(self) -> bool:
        """Whether the service is known to refuse by it, in these words."""
        return self.confidence in ("A", "B")


@functools.cache
def _table() -> dict[str, Any]:
    text = files("bedrock_frames.bedrock").joinpath("request_rules.json").read_text("utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def date() -> str:
    """Return the day on which the rules and the facts about models were last looked at."""
    return str(_table()["date"])


@functools.cache
def rules() -> tuple[RequestRule, ...]:
    """Return all rules, in the order of the service's checks."""
    groups = _table()["models"]
    return tuple(
        RequestRule(**{**rule, "models": tuple(groups[rule["models"]] if "models" in rule else ())})
        for rule in _table()["rules"]
    )


def check_names(names: Collection[str]) -> None:
    """Check ids of rules.

    Raises:
        ValueError: there is no rule of that id.
    """
    if isinstance(names, str):
        raise ValueError(f"rules_off is a list of rule ids, not {names!r}")
    known = {rule.id for rule in rules()}
    for name in names:
        if name not in known:
            raise ValueError(
                f"no request rule is named {name!r}: there are {', '.join(sorted(known))}"
            )


def compiled(off: Collection[str] = ()) -> str:
    """Return the table that the engine reads, without the rules in ``off``.

    Raises:
        ValueError: there is no rule of that id.
    """
    check_names(off)
    stated = [
        {"id": rule.id, "message": rule.message, "models": rule.models, "refuses": rule.refuses}
        for rule in rules()
        if rule.id not in off
    ]
    return json.dumps({"rules": stated, "model": _model()})


@functools.cache
def _model() -> dict[str, object]:
    shapes: list[dict[str, object]] = []
    numbers: dict[str, int] = {}
    return {"converse": _number("ConverseRequest", shapes, numbers), "shapes": shapes}


def _number(name: str, shapes: list[dict[str, object]], numbers: dict[str, int]) -> int:
    """Describe a shape and those below it; return its number."""
    if name in numbers:
        return numbers[name]
    numbers[name] = len(shapes)
    described: dict[str, object] = {}
    shapes.append(described)
    stated = definitions()[name]
    if stated.get("document"):
        described["type"] = "document"
        return numbers[name]
    kind = stated["type"]
    described["type"] = {"long": "integer", "float": "number", "double": "number"}.get(kind, kind)
    described.update(
        {key: stated[key] for key in ("min", "max", "enum", "pattern", "union") if key in stated}
    )
    if kind == "structure":
        members = {
            key: member["shape"]
            for key, member in stated.get("members", {}).items()
            if "location" not in member
        }
        described["members"] = {
            key: _number(below, shapes, numbers) for key, below in members.items()
        }
        described["required"] = [key for key in stated.get("required", ()) if key in members]
    elif kind == "list":
        described["item"] = _number(stated["member"]["shape"], shapes, numbers)
    return numbers[name]


def documented() -> str:
    """Return ``docs/request_rules.md``."""
    lines = [
        "# Requests that the service refuses",
        "",
        "`serve --requests warn` notes what rules a request of Converse or ConverseStream breaks:",
        "in the journal (`brokenRules`), in `/metrics`",
        "(`bedrock_frames_broken_request_rules_total`) and, once for each rule, in the log.",
        "`--requests refuse` answers it as the service does, with a 400 `ValidationException`,",
        "before fixtures are looked at: a fixture that answers errors does not see it.",
        "`--rule-off RULE` leaves a rule out. `Server` and `create_app` have `requests` and",
        "`rules_off`. InvokeModel, CountTokens and ApplyGuardrail are not judged.",
        "",
        "Rules of confidence A (two reports or more) and B (one) refuse; those with ? only warn.",
        f"Constraints are those of the installed botocore. Rules and models as of {date()}.",
        "This page is made from `request_rules.json`.",
        "",
        "| rule | refused where | for models | message | confidence | source |",
        "|---|---|---|---|---|---|",
    ]
    for rule in rules():
        models = ", ".join(f"`{part}`" for part in rule.models) or "all"
        message = rule.message.replace("`", "'")
        lines.append(
            f"| `{rule.id}` | {rule.condition} | {models} | `{message}` | {rule.confidence} "
            f"| {rule.source} |"
        )
    return "\n".join([*lines, ""])
