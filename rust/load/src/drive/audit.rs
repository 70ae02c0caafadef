//! What the generator says of itself.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use crate::measure::Tally;

/// Descriptors that are not a connection's.
const SPARE_FILES: u64 = 128;

/// The figures of a thread, or of all.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Audit {
    pub(super) cpu_s: f64,
    pub(super) opened: u64,
    pub(super) out_of_ports: u64,
    pub(super) out_of_files: u64,
    pub(super) backlogged: u64,
    pub(super) unsent: u64,
    pub(super) paused: u64,
}

impl Audit {
    /// Add another thread's.
    pub(super) fn add(&mut self, other: Self) {
        self.cpu_s += other.cpu_s;
        self.opened += other.opened;
        self.out_of_ports += other.out_of_ports;
        self.out_of_files += other.out_of_files;
        self.backlogged += other.backlogged;
        self.unsent += other.unsent;
        self.paused += other.paused;
    }

    /// The raw figures; what they mean is for the report to say.
    pub(super) fn to_json(self, tally: &Tally, threads: &[f64], elapsed_s: f64) -> Value {
        let files = getrlimit(Resource::Nofile);
        json!({
            "elapsed_s": elapsed_s,
            "threads": threads.len(),
            "cpu_s": self.cpu_s,
            "cpu_of_threads_s": threads,
            "schedule_delay_ms": tally.schedule_delay.to_json(),
            "loop_delay_ms": tally.loop_delay.to_json(),
            "in_flight_max": tally.in_flight_max,
            "backlogged": self.backlogged,
            "unsent": self.unsent,
            "paused": self.paused,
            "connections_opened": self.opened,
            "out_of_ports": self.out_of_ports,
            "out_of_files": self.out_of_files,
            "open_files": {"soft": files.current, "hard": files.maximum},
            "port_range": port_range(),
        })
    }
}

/// The CPU time of the calling thread, in seconds.
#[allow(clippy::cast_precision_loss, reason = "seconds of a thread")]
pub(super) fn thread_cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Raise the limit of open files as far as it goes; how many connections it allows.
pub(super) fn raise_open_files() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Where that is refused, the limit stays what it was.
    let _ = setrlimit(Resource::Nofile, raised);
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(files.saturating_sub(SPARE_FILES)).unwrap_or(usize::MAX).max(1)
}

/// The ports that a source address has, where the system says.
fn port_range() -> Option<(u16, u16)> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut ports = text.split_whitespace().map(str::parse);
    Some((ports.next()?.ok()?, ports.next()?.ok()?))
}
