"""Shapes of the service model, each able to check a value and to put it in wire order.

``check`` appends every problem it finds; it never raises and never stops at the first.
``ordered`` sorts the keys of structures as the service does, and leaves documents as given.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

from bedrock_frames.bedrock.words import allowed_instead, kind_of, listed, quoted

if TYPE_CHECKING:
    import re

    from bedrock_frames.bedrock.words import Path

Severity: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that does not fit the model, and where."""

    path: Path
    message: str
    severity: Severity = "error"


class Shape(Protocol):
    """A type of the service model."""

    def check(self, value: object, path: Path, problems: list[Problem]) -> None: ...
    def ordered(self, value: object) -> object: ...


DRIFT_MEMBERS: Final = {
    "TokenUsage": frozenset(
        {"serverToolUsage", "cacheReadInputTokenCount", "cacheWriteInputTokenCount"}
    ),
}
"""Members that the real service sends and its model does not have: all seen in recordings."""

DRIFT_VALUES: Final = {"ToolUseType": frozenset({"tool_use"})}
"""Enum values that the real service sends and its model does not have."""

DRIFT_OPTIONAL: Final = {
    "GuardrailSensitiveInformationPolicyAssessment": frozenset({"regexes"}),
}
"""Members that the model requires and the real service leaves out: seen in recordings."""


@dataclass(slots=True)
class Structure:
    """An object with named members; of a union, exactly one."""

    name: str
    required: frozenset[str]
    union: bool
    members: dict[str, Shape] = field(default_factory=dict)

    def check(self, value: object, path: Path, problems: list[Problem]) -> None:
        if not isinstance(value, dict):
            problems.append(Problem(path, f"{self.name} is an object, not {kind_of(value)}"))
            return
        members = self.members
        for key, item in value.items():
            if (shape := members.get(key)) is not None:
                shape.check(item, (*path, key), problems)
            elif key not in DRIFT_MEMBERS.get(self.name, ()):
                problems.append(Problem((*path, key), self._unknown(key)))
        if self.union and len(value) != 1:
            problems.append(Problem(path, self._not_one(value)))
        if not value.keys() >= self.required:
            missing = [key for key in self.members if key in self.required - value.keys()]
            problems.extend(Problem(path, f"{self.name} needs {quoted(key)}") for key in missing)

    def ordered(self, value: object) -> object:
        if not isinstance(value, dict):
            return value
        members = self.members
        return {
            key: members[key].ordered(value[key]) if key in members else value[key]
            for key in sorted(value)
        }

    def _unknown(self, key: str) -> str:
        return f"{self.name} has no member {quoted(key)}{allowed_instead(key, self.members)}"

    def _not_one(self, value: dict[str, object]) -> str:
        held = listed(map(quoted, value)) or "none"
        return (
            f"{self.name} is a union: exactly one of {listed(self.members)} must be set, "
            f"and here is {held}"
        )


@dataclass(slots=True)
class ListOf:
    """An array of one shape."""

    item: Shape

    def check(self, value: object, path: Path, problems: list[Problem]) -> None:
        if not isinstance(value, list):
            problems.append(Problem(path, f"must be an array, not {kind_of(value)}"))
            return
        for index, item in enumerate(value):
            self.item.check(item, (*path, index), problems)

    def ordered(self, value: object) -> object:
        return [self.item.ordered(item) for item in value] if isinstance(value, list) else value


@dataclass(slots=True)
class MapOf:
    """An object with any keys and values of one shape."""

    item: Shape

    def check(self, value: object, path: Path, problems: list[Problem]) -> None:
        if not isinstance(value, dict):
            problems.append(Problem(path, f"must be an object, not {kind_of(value)}"))
            return
        for key, item in value.items():
            self.item.check(item, (*path, key), problems)

    def ordered(self, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {key: self.item.ordered(value[key]) for key in sorted(value)}


@dataclass(slots=True)
class Leaf:
    """A value without parts: in wire order as it stands."""

    def check(self, value: object, path: Path, problems: list[Problem]) -> None:
        raise NotImplementedError

    def ordered(self, value: object) -> object:
        return value


@dataclass(slots=True)
class Document(Leaf):
    """Any JSON. The service keeps the order of its keys."""

    def check(self, value: object, path: Path, problems: list[Problem]) -> None:
        pass


@dataclass(slots=True)
class String(Leaf):
    """Text, perhaps one of an enumeration.

    Length and pattern are warnings: the service holds to them, no client checks them.
    """

    name: str
    enum: tuple[str, ...]
    pattern: re.Pattern[str] | None
    shortest: int
    longest: int | None

    def check(self, value: object, path: Path, problems: list[Problem]) -> None:
        if not isinstance(value, str):
            problems.append(Problem(path, f"must be a string, not {kind_of(value)}"))
        elif self.enum:
            if value not in self.enum and value not in DRIFT_VALUES.get(self.name, ()):
                instead = allowed_instead(value, self.enum)
                problems.append(Problem(path, f"{self.name} has no value {quoted(value)}{instead}"))
        elif self.pattern is not None and not self.pattern.fullmatch(value):
            rule = self.pattern.pattern
            problems.append(
                Problem(path, f"the service only sends {self.name} like {rule}", "warning")
            )
        elif len(value) < self.shortest or (self.longest and len(value) > self.longest):
            bounds = f"{self.shortest} to {self.longest} characters"
            problems.append(
                Problem(path, f"the service only sends {self.name} of {bounds}", "warning")
            )


@dataclass(slots=True)
class Number(Leaf):
    """An integer, or any number."""

    whole: bool
    least: float | None
    most: float | None

    def check(self, value: object, path: Path, problems: list[Problem]) -> None:
        kinds = int if self.whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            wanted = "an integer" if self.whole else "a number"
            problems.append(Problem(path, f"must be {wanted}, not {kind_of(value)}"))
        elif self.least is not None and value < self.least:
            problems.append(Problem(path, f"must be at least {self.least:.15g}"))
        elif self.most is not None and value > self.most:
            problems.append(Problem(path, f"must be at most {self.most:.15g}"))


@dataclass(slots=True)
class Boolean(Leaf):
    """True or false."""

    def check(self, value: object, path: Path, problems: list[Problem]) -> None:
        if not isinstance(value, bool):
            problems.append(Problem(path, f"must be true or false, not {kind_of(value)}"))


@dataclass(slots=True)
class Blob(Leaf):
    """Bytes, in JSON as standard base64."""

    longest: int | None

    def check(self, value: object, path: Path, problems: list[Problem]) -> None:
        if not isinstance(value, str):
            problems.append(Problem(path, f"must be base64 text, not {kind_of(value)}"))
            return
        try:
            size = len(base64.b64decode(value, validate=True))
        except (binascii.Error, ValueError) as error:
            problems.append(Problem(path, f"must be base64: {error}"))
            return
        if self.longest is not None and size > self.longest:
            problems.append(
                Problem(path, f"must be at most {self.longest:,} bytes, and is {size:,}")
            )
