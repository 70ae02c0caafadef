//! The limit of open files: a connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many files may be open: what holds now, and what it could be raised to. None is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFiles {
    /// What holds.
    pub soft: Option<u64>,
    /// What it could be.
    pub hard: Option<u64>,
}

/// Raise the limit of open files to its hard limit; return what holds then.
pub fn raise_open_files() -> OpenFiles {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where the system refuses, what held before still holds.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    OpenFiles { soft: current, hard: maximum }
}
