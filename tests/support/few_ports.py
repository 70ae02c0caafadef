"""Run load in a network namespace that has eight ports.

Started by ``unshare -rn python -m tests.support.few_ports``. One run asks for more connections than
that; two runs ask two endpoints for six each, from one address. Prints what they found as JSON.
"""

import fcntl
import json
import socket
import struct
import sys
from pathlib import Path
from typing import Any, Final

from tests.support.load_runs import drive, result, sending, server, start

PORTS: Final = (50_000, 50_007)
SIOCSIFFLAGS: Final = 0x8914
UP_AND_RUNNING: Final = 0x41


def main() -> None:
    """Run, and print the result."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", UP_AND_RUNNING))
    ports = Path("/proc/sys/net/ipv4/ip_local_port_range")
    # The server listens below them.
    ports.write_text("40000 40031")
    arrivals = {"kind": "constant", "rate": 200}
    limits: dict[str, Any] = {"arrivals": arrivals, "duration_s": 1, "timeout_s": 1}
    silent = sending(b"")
    with server(silent) as one, server(silent) as other, server(silent) as third:
        ports.write_text(" ".join(map(str, PORTS)))
        both = [start(url, requests=6, sources=["127.0.0.1"], **limits) for url in (one, other)]
        shared = [result(run) for run in both]
        found = drive(third, requests=20, **limits)
    json.dump({"alone": found, "shared": shared}, sys.stdout)


if __name__ == "__main__":
    main()
