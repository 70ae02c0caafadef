"""What the options of a server may be: on the command line, in Python, and with the other tier."""

from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_frames import bounds, cli, server
from bedrock_frames.server import NativeServer, Place, Server, create_app, serve
from tests.support.serve_command import fixture_file, run

FLAGS: Final = {
    "--port": "port",
    "--seed": "seed",
    "--threads": "threads",
    "--journal": "journal_entries",
    "--max-connections": "max_connections",
}


def refused(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """Return what the command line says to options that it does not know what to do with."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["serve", *options, "nothing-is-read.json"])
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    "option",
    [
        *("--port=70000", "--port=-1", "--port=x", "--seed=-5", f"--seed={2**64}", "--seed=1.5"),
        *("--threads=-1", "--threads=0", "--threads=100000", "--threads=" + "9" * 5000),
        *("--journal=-1", "--journal=1000001", "--journal=", "--max-connections=0"),
        *("--max-connections=1000001", "--threads=\u0663"),
    ],
)
def test_numbers_out_of_their_range_are_bad_usage(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flag = option.partition("=")[0]

    assert f"argument {flag}: {bounds.allowed(FLAGS[flag])}, not" in refused(capsys, option)


@pytest.mark.parametrize("flag", ["--drain-timeout", "--max-lateness"])
@pytest.mark.parametrize("text", ["", "soon", "-1s", "99999999999999999999s", "86401"])
def test_invalid_durations_are_bad_usage(
    flag: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"argument {flag}: a duration is" in refused(capsys, f"{flag}={text}")


@pytest.mark.parametrize("flag", FLAGS)
def test_help_says_what_numbers_may_be(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["serve", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    least, most = bounds.WHOLE[FLAGS[flag]]

    assert f"{least} to {most}" in told.partition(f" {flag} ")[2].partition(" --")[0]


@pytest.mark.parametrize(
    "options",
    [
        ["--tls"],
        ["--certificate", "a.pem", "b.pem"],
        ["--uds", "a.sock"],
        ["--threads", "2"],
        ["--max-lateness", "0s"],
    ],
    ids=lambda options: options[0],
)
def test_the_portable_tier_refuses_what_it_cannot_do(tmp_path: Path, options: list[str]) -> None:
    done = run("serve", "--port", "0", "--asgi", *options, fixture_file(tmp_path))

    assert (done.returncode, done.stdout) == (2, "")
    assert f"{options[0]} needs the native tier: leave out --asgi" in done.stderr


ANY: Final[Any] = create_app()


@pytest.mark.parametrize(
    ("call", "option"),
    [
        *((create_app, name) for name in ("seed", "journal_entries", "max_body_bytes")),
        *((create_app, name) for name in ("journal_body_bytes", "max_sessions", "max_in_flight")),
        *((Place, name) for name in ("port", "threads", "max_connections", "max_in_flight")),
        *((Server, name) for name in ("port", "max_connections", "max_in_flight", "seed")),
    ],
)
def test_numbers_in_python_have_the_same_ranges(call: Any, option: str) -> None:
    least, most = bounds.WHOLE[option]
    for value in (least - 1, most + 1, 10**30, 2.5, "7"):
        with pytest.raises(ValueError, match=f"{option} is {bounds.allowed(option)}, not"):
            call(**{option: value})


@pytest.mark.parametrize(
    ("call", "option"),
    [
        (lambda **o: Server(**o), "drain_timeout"),
        (lambda **o: NativeServer(ANY, Place(), **o), "drain_timeout"),
        (lambda **o: serve(ANY, Place(), asgi=True, **o), "drain_timeout"),
        (lambda **o: serve(ANY, Place(), **o), "drain_timeout"),
        (lambda **o: serve(ANY, Place(), **o), "max_lateness"),
    ],
)
def test_durations_in_python_have_the_same_range(call: Any, option: str) -> None:
    for value in (-1, float("nan"), float("inf"), 1e20):
        with pytest.raises(ValueError, match=f"{option} is a number of seconds from 0 to 86400"):
            call(**{option: value})


def test_what_is_in_its_range_is_taken() -> None:
    for options in ({"threads": 1024}, {"threads": None}, {"max_connections": 1_000_000}):
        Place(**options)
    create_app(seed=2**64 - 1, journal_entries=0)


@pytest.mark.parametrize(
    ("place", "options", "named"),
    [
        ({"tls": True}, {}, "tls"),
        ({"threads": 2}, {}, "threads"),
        ({"uds": Path("x.sock")}, {}, "uds"),
        ({}, {"max_lateness": 1.0}, "max_lateness"),
    ],
)
def test_serving_an_app_alone_refuses_options_of_the_native_server(
    place: Any, options: Any, named: str
) -> None:
    with pytest.raises(ValueError, match=f"{named} needs the native tier"):
        serve(create_app(), Place(**place), asgi=True, **options)


def test_the_old_name_of_serve_works_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match="serve_native is serve now"):
        assert server.serve_native is serve
    assert not hasattr(server, "nothing")
