"""An option is stated once: as a field of a model, with its type, limits, default and flag.

The command line takes its flags from the models (:mod:`bedrock_frames.cli.bench_arguments`), and
every value is checked by them and nowhere else, whether it comes from a flag or from Python.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Self, TypeAlias, get_args

from annotated_types import Ge, Gt
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from bedrock_frames.bench.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic_core import ErrorDetails

_QUOTED: Final = re.compile("'([^']*)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """How an option is given on the command line."""

    help: str
    name: str | None = None
    """Without the dashes; by default that of the field."""
    metavar: str | None = None
    read: Callable[[str], object] | None = None
    """Reads the text of the flag; by default the field's type does."""
    default: str | None = None
    """The default as text, where that of the field does not say it."""
    group: str = "run"


class Options(BaseModel):
    """A set of options.

    Raises:
        OptionError: a value is not allowed; it says which are.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True
    )

    if not TYPE_CHECKING:  # the type checker takes the fields for the parameters

        def __init__(self, **stated):
            try:
                super().__init__(**stated)
            except ValidationError as error:
                raise _option_error(type(self), error.errors()[0]) from None

    def but(self, **changes: Any) -> Self:
        """Return the same options with changes, checked again."""
        return type(self)(**{name: getattr(self, name) for name in self.model_fields_set} | changes)

    @classmethod
    def flags(cls) -> dict[str, Flag]:
        """Return the flags of the fields that have one."""
        found = {
            name: next((each for each in field.metadata if isinstance(each, Flag)), None)
            for name, field in cls.model_fields.items()
        }
        return {name: flag for name, flag in found.items() if flag is not None}


def option_name(field: str, flag: Flag | None) -> str:
    """Return what an option is called in messages, and in what the command line has read."""
    return flag.name if flag is not None and flag.name is not None else field


def _option_error(model: type[Options], found: ErrorDetails) -> OptionError:
    given = found.get("ctx", {}).get("error")
    if isinstance(given, OptionError):
        return given
    field = str(found["loc"][0]) if found["loc"] else "options"
    name = option_name(field, model.flags().get(field))
    known = model.model_fields.get(field)
    limits = [] if known is None else [*known.metadata, *_limits(known.annotation)]
    return OptionError(name, _problem(found, limits))


def _limits(annotation: object) -> Iterator[object]:
    """Yield the limits that stand in a type, such as ``Count | None``."""
    for part in get_args(annotation):
        for each in getattr(part, "__metadata__", ()):
            yield from each.metadata if isinstance(each, FieldInfo) else (each,)


def _problem(found: ErrorDetails, limits: list[object]) -> str:
    context, value = found.get("ctx", {}), found["input"]
    least = next((limit for limit in limits if isinstance(limit, Ge | Gt)), None)
    match found["type"]:
        case "literal_error":
            allowed = ", ".join(_QUOTED.findall(context["expected"]))
            return f"must be one of {allowed}, not {value!r}"
        case "greater_than" | "greater_than_equal" | "finite_number" if least is not None:
            how = f"at least {least.ge}" if isinstance(least, Ge) else f"above {least.gt}"
            return f"must be {how}, not {_number(value)}"
        case "less_than_equal" if isinstance(least, Ge):
            return f"must be {least.ge} to {context['le']}, not {_number(value)}"
        case "value_error":
            return str(context["error"])
    return f"{found['msg'][0].lower()}{found['msg'][1:]}, not {value!r}"


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _file(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"{path} is not a file")
    return path


File: TypeAlias = Annotated[Path, AfterValidator(_file)]
"""A file that is there."""
Seconds: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]
PositiveSeconds: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]
PositiveNumber: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count: TypeAlias = Annotated[int, Field(ge=1, le=2**63 - 1)]


def seconds_text(value: float) -> str:
    """Write a default duration as it is given: ``30s``."""
    return f"{math.floor(value) if value.is_integer() else value}s"
