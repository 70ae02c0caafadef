"""The server on sockets, native and ASGI: HTTP, pacing, control API, commands, shutdown."""
