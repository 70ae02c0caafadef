//! Arrivals that were recorded elsewhere.

use std::path::Path;

use serde::Deserialize;

use crate::options::TraceFormat;

/// A prompt of a trace is not made longer than this, in tokens: what is longer is a mistake.
const MAX_TOKENS: u32 = 10_000_000;

/// One request of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// Seconds after the first.
    pub at: f64,
    /// Tokens of the prompt.
    pub input_tokens: u32,
    /// Tokens of the answer.
    pub output_tokens: u32,
}

#[derive(Deserialize)]
struct Mooncake {
    timestamp: f64,
    input_length: u32,
    output_length: u32,
}

/// Read a trace, sorted by time.
///
/// # Errors
///
/// The line that cannot be read, and why.
pub fn read_trace(text: &str, path: &Path, format: TraceFormat) -> Result<Vec<Entry>, String> {
    let jsonl = path.extension().is_some_and(|extension| extension == "jsonl");
    let mooncake = format == TraceFormat::Mooncake || (format == TraceFormat::Auto && jsonl);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut entries = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let head =
            !mooncake && index == 0 && !line.starts_with(|first: char| first.is_ascii_digit());
        if line.trim().is_empty() || head {
            continue;
        }
        let entry = if mooncake { mooncake_line(line) } else { azure_line(line) };
        let wrong = |why: String| format!("line {}: {why}", index + 1);
        let entry = entry.map_err(wrong)?;
        if entry.input_tokens > MAX_TOKENS {
            let tokens = entry.input_tokens;
            return Err(wrong(format!("{tokens} tokens of input; at most {MAX_TOKENS} are sent")));
        }
        entries.push(entry);
    }
    entries.sort_by(|one: &Entry, other| one.at.total_cmp(&other.at));
    let Some(first) = entries.first().map(|entry| entry.at) else {
        return Err("no arrivals in it".to_owned());
    };
    for entry in &mut entries {
        entry.at -= first;
    }
    Ok(entries)
}

fn mooncake_line(line: &str) -> Result<Entry, String> {
    let Mooncake { timestamp, input_length, output_length } =
        serde_json::from_str(line).map_err(|error| error.to_string())?;
    Ok(Entry { at: timestamp / 1e3, input_tokens: input_length, output_tokens: output_length })
}

fn azure_line(line: &str) -> Result<Entry, String> {
    let mut fields = line.split(',').map(str::trim);
    let mut field = |name: &str| fields.next().ok_or_else(|| format!("no {name} in it"));
    let at = seconds(field("TIMESTAMP")?)?;
    let mut tokens = |name: &str| {
        let text = field(name)?;
        text.parse::<u32>().map_err(|_| format!("{name} is not a number of tokens: {text:?}"))
    };
    Ok(Entry {
        at,
        input_tokens: tokens("ContextTokens")?,
        output_tokens: tokens("GeneratedTokens")?,
    })
}

/// `2023-11-16 18:15:46.6805900`, with `T` and an offset of zero allowed, as seconds since the epoch.
fn seconds(text: &str) -> Result<f64, String> {
    let wrong = || format!("TIMESTAMP must look like 2023-11-16 18:15:46.68, got {text:?}");
    let number = |from: usize, to: usize| -> Option<i64> { text.get(from..to)?.parse().ok() };
    let whole = || {
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute) = (number(11, 13)?, number(14, 16)?);
        Some((days(year, month, day) * 24 + hour) * 60 + minute)
    };
    let minutes = whole().ok_or_else(wrong)?;
    let rest = text.get(17..).unwrap_or_default();
    let rest = rest.strip_suffix("+00:00").or(rest.strip_suffix('Z')).unwrap_or(rest);
    let seconds: f64 = rest.parse().map_err(|_| wrong())?;
    #[allow(clippy::cast_precision_loss, reason = "53 bits of seconds are enough")]
    Ok(minutes as f64 * 60.0 + seconds)
}

/// Days since the epoch, of the Gregorian calendar; March begins the year, so leap days end it.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}
