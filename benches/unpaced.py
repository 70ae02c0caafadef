"""Answers at once: how many streams a second each server gives on one core, at 64 connections.

python -m benches.unpaced [--quick] [--output FILE]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benches import harness, serving
from benches.outcome import Outcome, alone, more
from benches.serving import AIMOCK, ALL, ASGI, FLOOR, NATIVE, Load

if TYPE_CHECKING:
    from benches.harness import Effort

CONNECTIONS: Final = 64
UNIT: Final = "streams/s"
LIMITS: Final = """\
The client has one core too, and against the floor and the native tier it is as busy as they are: \
their ratio is one of server and client together, and ours to aimock is a lower bound."""


def measure(effort: Effort) -> Outcome:
    load = Load(connections=[CONNECTIONS], rounds=effort.pick(5, 1), seconds=effort.pick(4.0, 0.5))
    runs = serving.measure(ALL, load)
    rates = {name: runs.figures(name, CONNECTIONS, serving.streams_per_s) for name in ALL}
    native, asgi = rates[NATIVE], rates[ASGI]
    return Outcome(
        comparisons=[
            more("native", native, AIMOCK, rates[AIMOCK], unit=UNIT, target=25),
            more("native", native, FLOOR, rates[FLOOR], unit=UNIT, target=0.5),
            more("asgi", asgi, AIMOCK, rates[AIMOCK], unit=UNIT, target=7),
            *(
                alone(f"{name}, time to the first frame, p99", late, unit="ms")
                for name in ALL
                if (late := runs.figures(name, CONNECTIONS, serving.first_frame_p99))
            ),
        ],
        samples={"medians": runs.table(), "runs": runs.samples()},
        peers=serving.peers(ALL),
        limits=LIMITS,
    )


if __name__ == "__main__":
    harness.main(measure, name="unpaced", description=__doc__)
