"""One process of several: options come on stdin, progress and the result go to stdout.

Each is a line of JSON. A line ``stop`` on stdin, or its end, stops the run: a worker whose parent
is gone does not go on. A line ``cut`` also ends the grace.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import TYPE_CHECKING

from bedrock_frames.bench.errors import OptionError
from bedrock_frames.bench.running.load import NativeLoad

if TYPE_CHECKING:
    from typing import TextIO

    from bedrock_frames.bench.running.load import Load

GLANCE_S = 0.25


def main() -> int:
    """Run the benchmark whose options are on stdin."""
    try:
        load = NativeLoad(json.loads(sys.stdin.readline()))
        load.start()
    except (OptionError, RuntimeError) as error:
        _say(sys.stdout, error=str(error))
        return 1
    threading.Thread(target=_stop_when_told, args=(load, sys.stdin), daemon=True).start()
    try:
        while not load.wait(GLANCE_S):
            _say(sys.stdout, progress=load.progress().model_dump())
        _say(sys.stdout, result=load.result().model_dump())
    except RuntimeError as error:
        _say(sys.stdout, error=str(error))
        return 1
    except BrokenPipeError:
        load.stop()
        return 1
    return 0


def _stop_when_told(load: Load, source: TextIO) -> None:
    for line in source:
        if line.strip() == "cut":
            load.cut()
        else:
            load.stop()
    load.stop()


def _say(out: TextIO, **what: object) -> None:
    out.write(json.dumps(what) + "\n")
    out.flush()


if __name__ == "__main__":
    sys.exit(main())
