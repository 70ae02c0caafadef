//! The figures of a run that has ended.

use serde_json::{Map, Value, json};

use super::{Metric, Tally, Window, seconds};

/// What was asked for in a second; of a closed loop nothing is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Asked {
    /// So many requests.
    Requests(Option<f64>),
    /// So many sessions, each of which has as many requests as it needs.
    Sessions(Option<f64>),
}

/// The run's part of `summary.json`. `ended` is when the run did, in nanoseconds since it began.
pub fn summary(tally: &Tally, window: Window, asked: Asked, ended: u64) -> Value {
    let end = window.end.min(ended);
    let length = seconds(end.saturating_sub(window.start));
    #[allow(clippy::cast_precision_loss, reason = "counts of a run")]
    let rate = |count: u64| if length > 0.0 { count as f64 / length } else { 0.0 };
    let metrics: [(&str, &Metric); 7] = [
        ("ttfb_ms", &tally.ttfb),
        ("ttft_ms", &tally.ttft),
        ("gap_ms", &tally.gap),
        ("tpot_ms", &tally.tpot),
        ("e2e_ms", &tally.e2e),
        ("session_ms", &tally.session),
        ("schedule_delay_ms", &tally.schedule_delay),
    ];
    let of_all = |figure: fn(&Metric) -> Value| -> Map<String, Value> {
        metrics.iter().map(|(name, metric)| ((*name).to_owned(), figure(metric))).collect()
    };
    let (requests, sessions, ended_sessions) = match asked {
        Asked::Requests(requested) => (requested, None, None),
        Asked::Sessions(requested) => (None, requested, Some(rate(tally.sessions))),
    };
    let series = tally.seconds.iter().enumerate();
    json!({
        "window": {"start_s": seconds(window.start), "length_s": length, "ended_s": seconds(ended)},
        "requests": {
            "sent": tally.sent,
            "completed": tally.completed,
            "failed": tally.failed,
            "interrupted": tally.sent - tally.completed - tally.failed,
            "warmup": tally.warmup,
            "warmup_failed": tally.warmup_failed,
            "bursts": tally.bursts,
            "good": tally.good_requests,
            "without_content": tally.without_content,
        },
        "errors": tally.errors,
        "warmup_errors": tally.warmup_errors,
        "error_samples": tally.error_samples,
        "unknown_events": tally.unknown_events,
        "stop_reasons": tally.stop_reasons,
        "metrics": of_all(Metric::to_json),
        "rates": {
            "requested_requests_per_s": requests,
            "requests_per_s": rate(tally.ended_in_window),
            "requested_sessions_per_s": sessions,
            "sessions_per_s": ended_sessions,
            "frames_per_s": rate(tally.frames),
            "output_tokens_per_s": rate(tally.output_tokens),
            "goodput_per_s": rate(tally.good),
        },
        "totals": {
            "frames": tally.frames,
            "joined_frames": tally.joined,
            "body_bytes": tally.bytes,
            "input_tokens": tally.input_tokens,
            "output_tokens": tally.output_tokens,
        },
        "series": series.map(|(second, row)| row.to_json(second)).collect::<Vec<_>>(),
        "histograms": of_all(|metric| Value::String(metric.to_base64())),
    })
}
