//! The order of events in a message: what may follow what.

use crate::failure::Failure;

/// Where in a message a stream is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Grammar {
    /// Before its start.
    #[default]
    Outside,
    /// Between blocks; the next one has this index, or a higher one.
    Between(u32),
    /// Inside this block.
    Inside(u32),
    /// After its stop.
    Stopped,
    /// After everything.
    Done,
}

impl Grammar {
    /// A message starts.
    ///
    /// # Errors
    ///
    /// Not here; as for all that follow.
    pub fn start(&mut self) -> Result<(), Failure> {
        self.step(*self == Self::Outside, Self::Between(0))
    }

    /// A block starts.
    ///
    /// # Errors
    ///
    /// Not here.
    pub fn open(&mut self, index: u32) -> Result<(), Failure> {
        self.step(matches!(*self, Self::Between(next) if index >= next), Self::Inside(index))
    }

    /// Content of a block. Text and reasoning blocks have no start of their own.
    ///
    /// # Errors
    ///
    /// Not here.
    #[inline]
    pub fn content(&mut self, index: u32) -> Result<(), Failure> {
        if *self == Self::Inside(index) { Ok(()) } else { self.open(index) }
    }

    /// A block stops.
    ///
    /// # Errors
    ///
    /// Not here.
    pub fn close(&mut self, index: u32) -> Result<(), Failure> {
        self.step(*self == Self::Inside(index), Self::Between(index.saturating_add(1)))
    }

    /// The message stops.
    ///
    /// # Errors
    ///
    /// Not here.
    pub fn stop(&mut self) -> Result<(), Failure> {
        self.step(matches!(*self, Self::Between(_)), Self::Stopped)
    }

    /// Its metadata, the last of all.
    ///
    /// # Errors
    ///
    /// Not here.
    pub fn finish(&mut self) -> Result<(), Failure> {
        self.step(*self == Self::Stopped, Self::Done)
    }

    fn step(&mut self, allowed: bool, to: Self) -> Result<(), Failure> {
        if !allowed {
            return Err(Failure::Grammar);
        }
        *self = to;
        Ok(())
    }
}
