//! One line for each request.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use serde_json::json;

use super::{Outcome, Settled, ms, seconds};

/// Lines that may wait for the disk; more are dropped and counted, so that it never slows the run.
const WAITING: usize = 65_536;

/// Writes lines to a file, in a thread of its own.
#[derive(Debug)]
pub struct Records {
    sender: SyncSender<Entry>,
    dropped: AtomicU64,
}

#[derive(Debug)]
enum Entry {
    Line(String),
    /// Everything before it must be in the file when this is answered.
    Flush(SyncSender<io::Result<()>>),
}

impl Records {
    /// Create the file.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn create(path: &str) -> io::Result<Self> {
        let file = BufWriter::with_capacity(1 << 18, File::create(path)?);
        let (sender, receiver) = sync_channel(WAITING);
        let name = "load-records".to_owned();
        std::thread::Builder::new().name(name).spawn(|| write(file, receiver))?;
        Ok(Self { sender, dropped: AtomicU64::new(0) })
    }

    /// Hand a line over.
    pub fn push(&self, line: String) {
        if self.sender.try_send(Entry::Line(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Wait until everything is written; how many lines were dropped.
    ///
    /// # Errors
    ///
    /// The file could not be written.
    pub fn flush(&self) -> io::Result<u64> {
        let gone = || io::Error::other("the file's writer is gone");
        let (answer, answered) = sync_channel(1);
        self.sender.send(Entry::Flush(answer)).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())??;
        Ok(self.dropped.load(Ordering::Relaxed))
    }
}

fn write(mut file: BufWriter<File>, entries: Receiver<Entry>) {
    let mut written = Ok(());
    for entry in entries {
        match entry {
            Entry::Line(line) if written.is_ok() => written = writeln!(file, "{line}"),
            Entry::Line(_) => {}
            Entry::Flush(answer) => {
                let written = std::mem::replace(&mut written, Ok(()));
                // The receiver may be gone.
                drop(answer.send(written.and_then(|()| file.flush())));
            }
        }
    }
}

/// A request that the end of the run cut off, as a line of JSON; what it had is not known.
pub fn cut_line(ordinal: u64, turn: u32, intended: u64, started: u64, measured: bool) -> String {
    json!({
        "request": ordinal,
        "turn": turn,
        "intended_s": seconds(intended),
        "schedule_delay_ms": ms(started.saturating_sub(intended)),
        "measured": measured,
        "error": "interrupted",
    })
    .to_string()
}

/// A request as a line of JSON.
pub fn line(settled: &Settled<'_>, measured: bool) -> String {
    let error = match settled.outcome {
        Outcome::Completed => None,
        Outcome::Failed(failure) => Some(failure.kind()),
    };
    let facts = settled.facts;
    json!({
        "request": settled.ordinal,
        "turn": settled.turn,
        "intended_s": seconds(settled.intended),
        "schedule_delay_ms": ms(settled.started.saturating_sub(settled.intended)),
        "ttfb_ms": settled.ttfb().map(ms),
        "ttft_ms": settled.ttft().map(ms),
        "tpot_ms": settled.tpot().map(ms),
        "e2e_ms": ms(settled.e2e()),
        "frames": facts.frames,
        "bytes": facts.bytes,
        "input_tokens": facts.input_tokens,
        "output_tokens": facts.output_tokens,
        "stop_reason": facts.stop_reason,
        "burst": facts.is_burst(),
        "measured": measured,
        "error": error,
        "error_message": facts.why.as_deref().filter(|_| error.is_some()),
    })
    .to_string()
}
