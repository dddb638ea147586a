//! A recording on disk, in bounded segments.
//!
//! A router has little room: a segment that is full becomes `FILE.1`, whatever was there goes, and
//! the next segment begins with a snapshot of its own. So the last minutes are always there, and never
//! more than two segments. Each step is written when it is done, so that a recording shows what was
//! before a crash. The files are readable by root alone: they hold no key and no name, but
//! they are a village's life.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::base::limit;
use crate::base::time::Instant;
use crate::node::Node;
use crate::node::input::Input;
use crate::node::output::Output;
use crate::node::recorder::Recorder;
use crate::node::vault::Vault;

/// A recording that is being written.
pub struct Recording {
    path: PathBuf,
    file: File,
    written: usize,
    recorder: Recorder,
}

impl Recording {
    /// Starts to record `node` into `path`, which must not exist.
    pub fn start(path: &Path, node: &Node) -> Result<Self, String> {
        let (recorder, snapshot) = Recorder::start(node);
        let mut recording = Self { path: path.to_owned(), file: create(path)?, written: 0, recorder };
        recording.write(&snapshot)?;
        Ok(recording)
    }

    /// Where it is written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lets `node` handle `input` and records it. The outputs are good also when writing failed.
    pub fn step(
        &mut self,
        node: &mut Node,
        now: Instant,
        input: Input,
        vault: &mut dyn Vault,
    ) -> (Vec<Output>, Result<(), String>) {
        let (outputs, bytes) = self.recorder.step(node, now, input, vault);
        let written = self.write(&bytes).and_then(|()| self.turn_segment(node));
        (outputs, written)
    }

    fn turn_segment(&mut self, node: &Node) -> Result<(), String> {
        if self.written < limit::RECORDING_SEGMENT_BYTES {
            return Ok(());
        }
        let mut old = self.path.clone().into_os_string();
        old.push(".1");
        std::fs::rename(&self.path, old).map_err(|error| self.cannot(&error))?;
        *self = Self::start(&self.path.clone(), node)?;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.written = self.written.saturating_add(bytes.len());
        self.file.write_all(bytes).map_err(|error| self.cannot(&error))
    }

    fn cannot(&self, error: &std::io::Error) -> String {
        format!("the recording {} cannot be written: {error}", self.path.display())
    }
}

fn create(path: &Path) -> Result<File, String> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            format!("{} exists: remove it or name another file", path.display())
        }
        _ => format!("{} cannot be made: {error}", path.display()),
    })
}
