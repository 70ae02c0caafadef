"""Access to the control API: programs on this machine have it, web pages do not.

A browser sends requests to the loopback interface for any page that asks: a simple POST needs no
preflight, and a page whose name resolves to 127.0.0.1 (DNS rebinding) may read the answers too.
Such requests carry a foreign ``Origin``, ``Sec-Fetch-Site`` or ``Host``, which no page can forge.
On an address that other machines reach, a token is required instead. Starting a server checks that;
under any other ASGI host, each request is checked by the address of its client.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Match, Router

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

PREFIXES: Final = ("/__control/", "/__aimock/")
TOKEN_HEADER: Final = "x-control-token"  # noqa: S105 - its name

_TOKEN: Final = re.compile(r"[!-~]{1,512}")
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_BEARER: Final = "bearer "
_PORTS: Final = {"http": 80, "https": 443}
_NONE: Final = (
    "needs control_token (--control-token), or control=False (--no-control): its control API would "
    "be open to other machines"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPolicy:
    """Which requests the control API takes.

    Raises:
        ValueError: a token that cannot stand in a header.
    """

    enabled: bool = True
    token: str | None = None
    hosts: tuple[str, ...] = ()
    """Names that the server is reached by, beside IP addresses and ``localhost``."""

    def __post_init__(self) -> None:
        if self.token is not None and not _TOKEN.fullmatch(self.token):
            raise ValueError("control_token is 1 to 512 visible ASCII characters")

    def check_exposure(self, host: str) -> None:
        """Refuse an address that other machines reach, unless the control API is guarded there.

        Raises:
            ValueError: neither a token was given, nor is the control API off.
        """
        if self.enabled and self.token is None and not is_loopback(host):
            raise ValueError(f"host {host!r} is not a loopback address, and {_NONE}")

    def describe(self) -> str:
        """Describe in one line who has access."""
        if not self.enabled:
            return "Control API: off"
        if self.token is not None:
            return "Control API: asks for the control token"
        return f"Control API: open to programs on this machine; Host is {self._allowed}"

    @property
    def _allowed(self) -> str:
        others = [host for host in self.hosts if not (_is_address(host) or host == "localhost")]
        return ", ".join(["an IP address", "localhost", *others])

    def refusal(self, headers: Headers, client: str | None) -> tuple[int, str] | None:
        """Return why a request is refused, with the status; None where it is not.

        ``client`` is the address it came from; None over a Unix socket, as from the native server.
        """
        if not self.enabled:
            return 403, "The control API is off (--no-control, control=False)"
        if self.token is not None:
            # What has the token needs no other proof: browsers add it to no request by themselves.
            if _has_token(headers, self.token):
                return None
            return 401, (
                "The control API asks for its token: Authorization: Bearer TOKEN, or "
                f"{TOKEN_HEADER}: TOKEN"
            )
        if client is not None and _is_remote(client):
            return 403, f"A request from {client}, which is not a loopback address, {_NONE}"
        reason = self._foreign(headers)
        return None if reason is None else (403, reason)

    def _foreign(self, headers: Headers) -> str | None:
        hosts = headers.getlist("host")
        if len(hosts) > 1:
            return "The request has more than one Host"
        host = hosts[0] if hosts else ""
        name = _split(host)[0]
        if hosts and not (_is_address(name) or name in ("localhost", *map(str.lower, self.hosts))):
            return f"Host {host!r} is not a name of this server; allowed are {self._allowed}"
        for origin in headers.getlist("origin"):
            if not _is_same(origin, host):
                return (
                    f"Origin {origin!r} is not this server: web pages may not use the control API"
                )
        site = headers.get("sec-fetch-site")
        if site not in (None, "same-origin", "none"):
            return f"Sec-Fetch-Site is {site!r}: web pages may not use the control API"
        return None


class GuardedRoutes(BaseRoute):
    """The routes under the prefixes of the control API, behind its policy."""

    def __init__(self, routes: Sequence[BaseRoute], policy: ControlPolicy) -> None:
        self.routes = list(routes)
        self._router = Router(routes, redirect_slashes=False)
        self._policy = policy

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match by the path's beginning, whatever the method: a preflight is refused, too."""
        path: str = scope["path"]
        below = path.removeprefix(scope.get("root_path", ""))
        if scope["type"] == "http" and below.startswith(PREFIXES):
            return Match.FULL, {}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or say why it is refused."""
        client = scope.get("client")
        refused = self._policy.refusal(Headers(scope=scope), client[0] if client else None)
        if refused is None:
            await self._router(scope, receive, send)
        else:
            await _refused(*refused)(scope, receive, send)


def _refused(status: int, reason: str) -> Response:
    headers = {"www-authenticate": "Bearer"} if status == 401 else None
    return JSONResponse({"error": reason}, status, headers)


def _has_token(headers: Headers, token: str) -> bool:
    given = headers.getlist(TOKEN_HEADER)
    given += [
        value[len(_BEARER) :].strip()
        for value in headers.getlist("authorization")
        if value.lower().startswith(_BEARER)
    ]
    # All are compared, each in constant time.
    same = [hmac.compare_digest(value.encode(), token.encode()) for value in given]
    return any(same)


def check_origin(origin: str) -> None:
    """Refuse what browsers never send as an ``Origin``.

    Raises:
        ValueError: it is neither ``*`` nor ``scheme://host[:port]``.
    """
    if origin != "*" and not _ORIGIN.fullmatch(origin):
        raise ValueError(
            f"cors is an origin as browsers send it, such as https://example.com:8443, or *, not "
            f"{origin!r}"
        )


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address that is listened on."""
    if not host:
        # Sockets take it for all addresses.
        return False
    bare = host.strip("[]").partition("%")[0]
    if _is_address(bare):
        return ipaddress.ip_address(bare).is_loopback
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        # Listening on it says better what is wrong.
        return True
    addresses = (str(address[0]).partition("%")[0] for *_, address in found)
    return all(ipaddress.ip_address(address).is_loopback for address in addresses)


def _is_remote(client: str) -> bool:
    """Return whether a client's address is of another machine. In-process clients have a name."""
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return not (mapped or address).is_loopback


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _split(host: str) -> tuple[str, int | None]:
    """Return the name of a ``Host`` in lower case, without brackets, and its port."""
    try:
        parts = urlsplit(f"//{host}")
        return (parts.hostname or "").removesuffix("."), parts.port
    except ValueError:
        return "", None


def _is_same(origin: str, host: str) -> bool:
    """Return whether an ``Origin`` is the one of this server, by the request's ``Host``.

    Behind a proxy that ends TLS the scheme is not known here: its default port is one of two.
    """
    scheme, _, authority = origin.partition("://")
    if scheme not in _PORTS or not authority:
        return False
    (name, port), (own, own_port) = _split(authority), _split(host)
    return name == own != "" and (port or _PORTS[scheme]) == (own_port or _PORTS[scheme])
