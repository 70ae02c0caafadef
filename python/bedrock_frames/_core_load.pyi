"""The load generator: a part of the stub of :mod:`bedrock_frames._core`.

Only types live here. At run time there is no such module: import from ``bedrock_frames._core``.
"""

from typing import Self, final

@final
class LoadRun:
    """One run of the load generator, in threads of its own, without the GIL.

    Options and results are JSON. Dropping a run stops it.

    Options; only the first three are needed:

    - ``url``, ``model``, ``arrivals``.
    - ``duration_s``, ``requests``: where it ends; a session counts as one request here. A run needs
      one of them, unless its arrivals end by themselves.
    - ``warmup_s``: comes before ``duration_s``, and is not measured. ``ramp_s``: of the rate, or of
      the users, from the beginning.
    - ``operation``: ``converse-stream``, ``converse``, ``invoke-stream`` or ``invoke``.
    - ``bodies``: JSON texts, sent in turn; or ``body_file``, with one a line.
    - ``headers``: pairs. ``auth``: by ``kind``, ``none``, ``bearer`` (``token``) or ``sigv4``
      (``access_key``, ``secret_key``, ``session_token``, ``region``, ``service``).
    - ``sessions``: tool calls are answered (``think_time_ms``, ``max_turns``, ``tool_result``,
      ``header``: one that names the session).
    - ``http``: ``auto``, ``h1`` or ``h2``. ``tls``: ``ca_file``, ``insecure``. ``sources``: where
      to connect from.
    - ``timeout_s``: of one request. ``grace_s``: for those that run when no more may start.
      ``max_in_flight``: arrivals above it wait. ``max_errors``: the run ends early when so many
      requests have failed.
    - ``expect_text``: all of the answer's text. ``bursts``: ``count`` or ``fail`` answers whose
      content came at once. ``goodput``: ``ttft_ms``, ``tpot_ms``, ``e2e_ms``.
    - ``seed``, ``threads``, ``start_at`` (Unix time), ``share`` (``[i, n]``: every n-th arrival).
    - ``requests_out``: a file, with a line of JSON for each request.

    Arrivals, by ``kind``:

    - ``closed``: ``concurrency`` users.
    - ``constant``, ``poisson``: ``rate``. ``gamma``: also ``burstiness``, the coefficient of
      variation of the gaps; 1 is Poisson, more is burstier.
    - ``stages``: pairs of a rate and its seconds; ``process`` (one of the three), ``burstiness``.
    - ``trace``: ``path``, ``format`` (``auto``, ``azure``, ``mooncake``), ``speed``. Where no
      bodies are given, questions are made as long as the trace says.

    Errors, by kind: ``connect``, ``tls``, ``no_port``, ``no_file``, ``timeout``, ``http:<code>``,
    ``exception:<type>``, ``crc``, ``frame``, ``truncated``, ``grammar``, ``reset``,
    ``bad_http``, ``not_event_stream``, ``mismatch``, ``burst``.

    In an open loop, latencies run from when a request was meant to start. They are of requests that
    completed; ``gap_ms`` is of all content events, also of requests that failed later.
    """

    def __new__(cls, options: str) -> Self:
        """Plan a run.

        Raises:
            ValueError: an option makes no sense; it is named, with what is allowed.
        """
    def start(self) -> None:
        """Start its threads, and return at once.

        Raises:
            RuntimeError: it was started before, or the system refuses.
        """
    def progress(self) -> str:
        """Return a glance at it: counters of the whole run, rates and TTFT of the last 5 s.

        Raises:
            RuntimeError: it was not started.
        """
    def stop(self) -> None:
        """Start no more requests; cut those that run after ``grace_s``."""
    def cut(self) -> None:
        """Start no more requests, and cut those that run."""
    def wait(self, timeout: float) -> bool:
        """Wait for its end, at most ``timeout`` seconds. Whether it came."""
    def result(self) -> str:
        """Return its figures: counters, errors, metrics, rates, time series, histograms, audit.

        Each of ``histograms`` is HDR's V2 form of microseconds, compressed, in base64. ``audit``
        has the raw figures of the generator itself, and passes no judgement.

        Raises:
            RuntimeError: it has not ended, one of its threads failed, or ``requests_out`` did.
        """
