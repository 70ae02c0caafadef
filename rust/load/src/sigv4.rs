//! AWS Signature Version 4 of a request with its body, the signing key kept for a day.
//!
//! Two requests of the same second with the same body have the same signature, so a caller may keep
//! what it signed for as long as the second lasts.

use std::fmt::{self, Write};

use ring::digest::{SHA256, digest};
use ring::hmac;

/// Who signs, and for what. Its `Debug` shows no secret.
pub struct Signer {
    access_key: String,
    secret_key: String,
    session_token: Option<String>,
    region: String,
    service: String,
    /// Of the day it was made for.
    key: Option<(u64, hmac::Key)>,
}

/// What a signature covers.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The method.
    pub method: &'a str,
    /// The path as it is sent, percent-encoded once.
    pub path: &'a str,
    /// The query as it is sent: sorted, encoded, without the question mark.
    pub query: &'a str,
    /// Headers to sign besides those that [`Signer::sign`] adds, with lower-case names.
    pub headers: &'a [(&'a str, &'a str)],
    /// The SHA-256 of the body, in hexadecimal.
    pub body_hash: &'a str,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

impl Signer {
    /// A signer with these credentials.
    pub fn new(
        access_key: &str,
        secret_key: &str,
        session_token: Option<&str>,
        region: &str,
        service: &str,
    ) -> Self {
        Self {
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
            session_token: session_token.map(ToOwned::to_owned),
            region: region.to_owned(),
            service: service.to_owned(),
            key: None,
        }
    }

    /// The headers to add to a request that is sent at `unix` seconds.
    pub fn sign(&mut self, signed: &Signed<'_>, unix: u64) -> Vec<(&'static str, String)> {
        let stamp = Stamp::of(unix);
        let mut added = vec![("x-amz-date", stamp.time.clone())];
        added.extend(self.session_token.clone().map(|token| ("x-amz-security-token", token)));
        let mut headers: Vec<(&str, &str)> = signed.headers.to_vec();
        headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
        headers.sort_unstable();
        let names: Vec<&str> = headers.iter().map(|header| header.0).collect();
        let names = names.join(";");

        let mut canonical =
            format!("{}\n{}\n{}\n", signed.method, canonical_path(signed.path), signed.query);
        for (name, value) in &headers {
            canonical.push_str(name);
            canonical.push(':');
            for (index, word) in value.split_ascii_whitespace().enumerate() {
                canonical.push_str(if index == 0 { "" } else { " " });
                canonical.push_str(word);
            }
            canonical.push('\n');
        }
        canonical.push('\n');
        canonical.push_str(&names);
        canonical.push('\n');
        canonical.push_str(signed.body_hash);

        let scope = format!("{}/{}/{}/aws4_request", stamp.date(), self.region, self.service);
        let hash = hex_of_hash(canonical.as_bytes());
        let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{hash}", stamp.time);
        let signature =
            hex(hmac::sign(self.key_of(unix / DAY, stamp.date()), text.as_bytes()).as_ref());
        let access_key = &self.access_key;
        added.push((
            "authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={names}, \
                 Signature={signature}"
            ),
        ));
        added
    }

    fn key_of(&mut self, day: u64, date: &str) -> &hmac::Key {
        if self.key.as_ref().is_none_or(|(made_for, _)| *made_for != day) {
            self.key = None;
        }
        let secret = format!("AWS4{}", self.secret_key);
        let parts = [date, &self.region, &self.service, "aws4_request"];
        &self
            .key
            .get_or_insert_with(|| {
                let mut key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
                for part in parts {
                    let tag = hmac::sign(&key, part.as_bytes());
                    key = hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref());
                }
                (day, key)
            })
            .1
    }
}

/// The SHA-256 of bytes, in hexadecimal.
pub fn hex_of_hash(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The path without its dots and double slashes (RFC 3986, 5.2.4), and encoded once more, as by
/// every service but S3.
fn canonical_path(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let end = if path.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    let mut text = String::with_capacity(path.len() + 8);
    for byte in format!("/{}{end}", segments.join("/")).bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(byte as char);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

const DAY: u64 = 86_400;

/// `20150830T123600Z`
struct Stamp {
    time: String,
}

impl Stamp {
    fn of(unix: u64) -> Self {
        let (year, month, day) = civil(unix / DAY);
        let (hour, minute, second) = (unix % DAY / 3600, unix % 3600 / 60, unix % 60);
        Self { time: format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z") }
    }

    fn date(&self) -> &str {
        &self.time[..8]
    }
}

/// The Gregorian date of a day since the epoch; March begins the year, so leap days end it.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let of_era_years = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * of_era_years + of_era_years / 4 - of_era_years / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + of_era_years + u64::from(month <= 2), month, day)
}
