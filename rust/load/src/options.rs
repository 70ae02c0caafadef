//! What a run is asked for: JSON, read and checked once.

use std::fmt;

use serde::Deserialize;

use crate::check;

/// A run's options. Times are in the unit that the name ends in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the names say it; the contract stands in the Python stub")]
pub struct Options {
    pub url: String,
    #[serde(default)]
    pub operation: Operation,
    pub model: String,
    #[serde(default)]
    pub bodies: Vec<String>,
    pub body_file: Option<String>,
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    pub sessions: Option<Sessions>,
    #[serde(default)]
    pub auth: Auth,
    #[serde(default)]
    pub http: Http,
    #[serde(default)]
    pub tls: Tls,
    pub arrivals: Arrivals,
    pub duration_s: Option<f64>,
    pub requests: Option<u64>,
    #[serde(default)]
    pub warmup_s: f64,
    #[serde(default)]
    pub ramp_s: f64,
    #[serde(default = "defaults::timeout_s")]
    pub timeout_s: f64,
    #[serde(default = "defaults::grace_s")]
    pub grace_s: f64,
    pub max_in_flight: Option<usize>,
    /// The run ends when so many requests have failed.
    pub max_errors: Option<u64>,
    pub expect_text: Option<String>,
    #[serde(default)]
    pub bursts: Bursts,
    #[serde(default)]
    pub goodput: Goodput,
    #[serde(default)]
    pub seed: u64,
    #[serde(default = "defaults::threads")]
    pub threads: usize,
    pub start_at: Option<f64>,
    #[serde(default = "defaults::share")]
    pub share: (u64, u64),
    #[serde(default)]
    pub sources: Vec<std::net::IpAddr>,
    pub requests_out: Option<String>,
}

/// One of the four ways to ask a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// `ConverseStream`
    #[default]
    ConverseStream,
    /// `Converse`
    Converse,
    /// `InvokeModelWithResponseStream`
    InvokeStream,
    /// `InvokeModel`
    Invoke,
}

impl Operation {
    /// The last part of its path.
    pub fn path(self) -> &'static str {
        match self {
            Self::ConverseStream => "converse-stream",
            Self::Converse => "converse",
            Self::InvokeStream => "invoke-with-response-stream",
            Self::Invoke => "invoke",
        }
    }

    /// Whether it answers with an event stream.
    pub fn streams(self) -> bool {
        matches!(self, Self::ConverseStream | Self::InvokeStream)
    }

    /// Whether it is one of the Converse pair.
    pub fn converses(self) -> bool {
        matches!(self, Self::ConverseStream | Self::Converse)
    }
}

/// Conversations: a tool call is answered with a tool result, until the model ends its turn.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Sessions {
    #[serde(default)]
    pub think_time_ms: f64,
    #[serde(default = "defaults::max_turns")]
    pub max_turns: u32,
    #[serde(default = "defaults::tool_result")]
    pub tool_result: String,
    /// A header that names the session, if the endpoint keeps state by one.
    pub header: Option<String>,
}

/// Who asks. Its `Debug` shows no secret.
#[derive(Clone, Default, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are AWS's")]
pub enum Auth {
    #[default]
    None,
    Bearer {
        token: String,
    },
    Sigv4 {
        access_key: String,
        secret_key: String,
        session_token: Option<String>,
        region: String,
        #[serde(default = "defaults::service")]
        service: String,
    },
}

/// The protocol; `auto` is what TLS negotiates, and HTTP/1.1 without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Http {
    #[default]
    Auto,
    H1,
    H2,
}

/// Whose certificates are believed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Tls {
    pub ca_file: Option<String>,
    #[serde(default)]
    pub insecure: bool,
}

/// When requests start.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Arrivals {
    Closed {
        concurrency: usize,
    },
    Constant {
        rate: f64,
    },
    Poisson {
        rate: f64,
    },
    /// `burstiness` is the coefficient of variation of the gaps: 1 is Poisson, more is burstier.
    Gamma {
        rate: f64,
        burstiness: f64,
    },
    /// `stages` are pairs of a rate and its seconds.
    Stages {
        stages: Vec<(f64, f64)>,
        #[serde(default)]
        process: Process,
        #[serde(default = "defaults::burstiness")]
        burstiness: f64,
    },
    Trace {
        path: String,
        #[serde(default)]
        format: TraceFormat,
        #[serde(default = "defaults::speed")]
        speed: f64,
    },
}

/// How the arrivals of a rate are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Process {
    #[default]
    Constant,
    Poisson,
    Gamma,
}

/// The form of a trace file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TraceFormat {
    /// By the file's name: `.jsonl` is Mooncake's.
    #[default]
    Auto,
    /// CSV: `TIMESTAMP,ContextTokens,GeneratedTokens`
    Azure,
    /// JSON lines: `timestamp` (ms), `input_length`, `output_length`
    Mooncake,
}

/// What becomes of an answer whose content came all at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bursts {
    /// It is counted.
    #[default]
    Count,
    /// It is an error.
    Fail,
}

/// What makes a completed request a good one.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Goodput {
    pub ttft_ms: Option<f64>,
    pub tpot_ms: Option<f64>,
    pub e2e_ms: Option<f64>,
}

mod defaults {
    pub(super) fn timeout_s() -> f64 {
        300.0
    }
    pub(super) fn grace_s() -> f64 {
        30.0
    }
    pub(super) fn threads() -> usize {
        1
    }
    pub(super) fn share() -> (u64, u64) {
        (0, 1)
    }
    pub(super) fn max_turns() -> u32 {
        10
    }
    pub(super) fn tool_result() -> String {
        "ok".to_owned()
    }
    pub(super) fn service() -> String {
        "bedrock".to_owned()
    }
    pub(super) fn burstiness() -> f64 {
        1.0
    }
    pub(super) fn speed() -> f64 {
        1.0
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Bearer { .. } => "Bearer",
            Self::Sigv4 { .. } => "Sigv4",
        })
    }
}

impl Options {
    /// Read options.
    ///
    /// # Errors
    ///
    /// Which option makes no sense, and what is allowed.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let options: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        check::check(&options)?;
        Ok(options)
    }
}
