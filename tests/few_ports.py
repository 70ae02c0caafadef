"""A run in a network of its own, which has eight ports: ``unshare -rn python -m tests.few_ports``.

It asks for more connections than that, and prints what was found as JSON.
"""

import fcntl
import json
import socket
import struct
import sys
from pathlib import Path
from typing import Final

from tests.load_driving import drive, sending, server

PORTS: Final = (50_000, 50_007)
SIOCSIFFLAGS: Final = 0x8914
UP_AND_RUNNING: Final = 0x41


def main() -> None:
    """Run, and print the result."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", UP_AND_RUNNING))
    ports = Path("/proc/sys/net/ipv4/ip_local_port_range")
    # The server listens below them.
    ports.write_text("40000 40001")
    with server(sending(b"")) as url:
        ports.write_text(" ".join(map(str, PORTS)))
        arrivals = {"kind": "constant", "rate": 200}
        found = drive(url, arrivals=arrivals, requests=20, duration_s=1, timeout_s=1)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
