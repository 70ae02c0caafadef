//! A capture on disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use super::record::{self, Head, Kind, MAGIC, MAX_BODY_BYTES, VERSION};
use super::writer::Writer;

/// How many bytes are gathered before they are written.
const BATCH: usize = 256 * 1024;

/// A capture that is being written, always to a new file.
///
/// Records are gathered and written in batches of whole fragments. What [`CaptureFile::flush`] has
/// written survives the process; what [`CaptureFile::sync`] has written survives the machine. A
/// write that fails ends the capture: every later call fails alike.
#[derive(Debug)]
pub struct CaptureFile {
    file: File,
    writer: Writer,
    batch: Vec<u8>,
    written: u64,
    exchanges: u64,
    lost_records: u64,
    failed: Option<(io::ErrorKind, String)>,
}

impl CaptureFile {
    /// Create a capture; `created_ns` is Unix time at which the times of its records are zero.
    ///
    /// # Errors
    ///
    /// If the file exists already or cannot be created.
    pub fn create(
        path: &Path,
        generation: u32,
        created_ns: u64,
        creator: &str,
    ) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        let mut capture = Self {
            file,
            writer: Writer::new(generation),
            batch: Vec::new(),
            written: 0,
            exchanges: 0,
            lost_records: 0,
            failed: None,
        };
        let start = json!({"version": VERSION, "created_ns": created_ns, "creator": creator});
        let start = start.to_string();
        capture.writer.append(Kind::Start as u8, &[MAGIC, start.as_bytes()], &mut capture.batch);
        capture.flush()?;
        // The name of a new file survives the machine only once its folder is written.
        #[cfg(unix)]
        if let Some(folder) = path.parent() {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            File::open(folder)?.sync_all()?;
        }
        Ok(capture)
    }

    /// How many bytes are written or gathered.
    pub fn len(&self) -> u64 {
        self.written + self.batch.len() as u64
    }

    /// Whether nothing is written: never, since a capture begins with a record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A request's head: the beginning of an exchange.
    ///
    /// # Errors
    ///
    /// If a write fails, as for all that follow.
    pub fn request(&mut self, exchange: u64, time_ns: u64, head: &Head) -> io::Result<()> {
        self.exchanges += 1;
        self.append(Kind::Request, exchange, time_ns, &head.to_json())
    }

    /// A response's head.
    ///
    /// # Errors
    ///
    /// If a write fails.
    pub fn response(&mut self, exchange: u64, time_ns: u64, head: &Head) -> io::Result<()> {
        self.append(Kind::Response, exchange, time_ns, &head.to_json())
    }

    /// Bytes of a request's body.
    ///
    /// # Errors
    ///
    /// If a write fails.
    pub fn request_body(&mut self, exchange: u64, time_ns: u64, body: &[u8]) -> io::Result<()> {
        self.body(Kind::RequestBody, exchange, time_ns, body)
    }

    /// Bytes of a response's body, as they came in one read.
    ///
    /// # Errors
    ///
    /// If a write fails.
    pub fn response_body(&mut self, exchange: u64, time_ns: u64, body: &[u8]) -> io::Result<()> {
        self.body(Kind::ResponseBody, exchange, time_ns, body)
    }

    /// The end of an exchange: `complete`, or how it was cut short, and what the client or the
    /// upstream failed with.
    ///
    /// # Errors
    ///
    /// If a write fails.
    pub fn end(
        &mut self,
        exchange: u64,
        time_ns: u64,
        outcome: &str,
        error: Option<&str>,
    ) -> io::Result<()> {
        let end = json!({"outcome": outcome, "error": error}).to_string();
        self.append(Kind::End, exchange, time_ns, end.as_bytes())
    }

    /// Count records that were dropped because the disk was too slow; the last record has the count.
    pub fn lose(&mut self, records: u64) {
        self.lost_records += records;
    }

    /// Hand everything to the operating system, in one write.
    ///
    /// # Errors
    ///
    /// If the write fails.
    pub fn flush(&mut self) -> io::Result<()> {
        if let Some((kind, message)) = &self.failed {
            return Err(io::Error::new(*kind, message.clone()));
        }
        if self.batch.is_empty() {
            return Ok(());
        }
        let done = self.file.write_all(&self.batch);
        if let Err(error) = &done {
            // Part of the batch may be on the disk: a reader could not tell where it ends.
            self.failed = Some((error.kind(), error.to_string()));
        } else {
            self.written += self.batch.len() as u64;
        }
        self.batch.clear();
        done
    }

    /// Hand everything to the disk.
    ///
    /// # Errors
    ///
    /// If the write fails.
    pub fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        self.file.sync_data()
    }

    /// End the capture: a record that says so, on the disk.
    ///
    /// # Errors
    ///
    /// If the write fails.
    pub fn finish(mut self) -> io::Result<()> {
        let finish = json!({"exchanges": self.exchanges, "lost_records": self.lost_records});
        let json = finish.to_string();
        self.writer.append(Kind::Finish as u8, &[json.as_bytes()], &mut self.batch);
        self.sync()
    }

    fn body(&mut self, kind: Kind, exchange: u64, time_ns: u64, body: &[u8]) -> io::Result<()> {
        body.chunks(MAX_BODY_BYTES)
            .try_for_each(|piece| self.append(kind, exchange, time_ns, piece))
    }

    fn append(&mut self, kind: Kind, exchange: u64, time_ns: u64, rest: &[u8]) -> io::Result<()> {
        let place = record::encode_place(exchange, time_ns);
        self.writer.append(kind as u8, &[&place, rest], &mut self.batch);
        if self.batch.len() >= BATCH { self.flush() } else { Ok(()) }
    }
}
