"""How each figure is worked out; printed in every report, since tools differ under one name."""

from __future__ import annotations

from typing import Final

FORMULAS: Final = {
    "latency_start": "open loop: the moment a request was meant to start; "
    "closed loop: the moment it started",
    "ttfb_ms": "first byte of the response - start",
    "ttft_ms": "first content delta that is not empty - start; of streams",
    "gap_ms": "between two content events of one stream; events of one read, or of one HTTP/2 "
    "frame, have a gap of 0",
    "tpot_ms": "(e2e - ttft) / (output tokens - 1); of streams with at least two tokens",
    "e2e_ms": "last byte of the response - start",
    "session_ms": "end of a session's last response - its intended start; think times included",
    "schedule_delay_ms": "start - intended start; the generator's own lateness, of open loops",
    "percentiles": "the smallest recorded value that at least this share does not exceed; HDR "
    "histograms of microseconds, 3 significant digits; of completed requests, except "
    "schedule_delay and gap, which are of all",
    "window": "requests meant to start after the warm-up; rates count what ended, or came, in it",
    "sent": "completed + failed + interrupted",
    "error_rate": "failed / (completed + failed); time-outs are failures",
    "interrupted": "requests cut off because the run was over",
    "requests_per_s": "completed in the window / its length",
    "frames_per_s": "frames that came in the window and whose checksums were right / its length",
    "output_tokens_per_s": "output tokens by the endpoint's own count, of requests completed in "
    "the window / its length",
    "goodput_per_s": "completed in the window and within every goal / its length",
    "good": "completed and within every goal; good_ratio = good / (completed + failed)",
    "without_content": "completed streams with output tokens and no content event: no first token",
    "bursts": "streams whose content came in one read, though it has several events",
    "warmup": "requests meant to start before the window; they and their errors are counted apart",
    "unsent": "arrivals that were due and never started, as the run was over; in no other count",
    "series": "by the second since the start, warm-up included; in_flight is the most at once, of "
    "several threads or processes the sum of theirs",
    "ttft_counts, e2e_counts": "bucket:count of that second's latencies; a bucket below 64 is so "
    "many microseconds, another has a 64th of a doubling: (b - 64 d) * 2^d us, d = b // 64 - 1; "
    "percentiles of a second are those of its buckets' middles",
}
