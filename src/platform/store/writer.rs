//! The thread's side: append, sync in groups, and take back what could not be synced.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Sender;
use zeroize::Zeroize;

use super::{Completion, StoreError};
use crate::base::limit::{CLOSE_BYTES, STORE_QUEUE};
use crate::ledger::journal;
use crate::platform::vault::JournalKey;

/// How long records that need not last at once may wait for others to be synced with.
const GROUP: Duration = Duration::from_secs(1);

/// One submission.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) records: Vec<Vec<u8>>,
    pub(super) durable: bool,
    /// They are all that the journal is to hold.
    pub(super) whole: bool,
}

/// The journal's file and what of it is on flash.
pub(super) struct Writer {
    file: Option<File>,
    path: PathBuf,
    key: [u8; 32],
    /// Up to here everything is on flash.
    synced_len: u64,
    /// Up to here everything is written.
    written_len: u64,
    /// Submissions that are written and not on flash.
    waiting: Vec<u64>,
    /// When the oldest of them is synced at the latest.
    due: Option<Instant>,
    /// Why nothing can be written any more.
    broken: Option<String>,
    /// Keeps a second daemon away.
    pub(super) lock: Option<File>,
}

impl Writer {
    pub(super) const fn new(file: File, path: PathBuf, length: u64, key: [u8; 32]) -> Self {
        Self {
            file: Some(file),
            path,
            key,
            synced_len: length,
            written_len: length,
            waiting: Vec::new(),
            due: None,
            broken: None,
            lock: None,
        }
    }

    /// A writer to a journal that could not be opened for writing: it is tried again with each job.
    pub(super) fn closed(path: PathBuf, key: [u8; 32]) -> Self {
        let mut writer = Self::broken(String::new());
        (writer.path, writer.key) = (path, key);
        writer
    }

    /// A writer that refuses everything, and says why.
    pub(super) const fn broken(why: String) -> Self {
        Self {
            file: None,
            path: PathBuf::new(),
            key: [0; 32],
            synced_len: 0,
            written_len: 0,
            waiting: Vec::new(),
            due: None,
            broken: Some(why),
            lock: None,
        }
    }

    /// Serves jobs until the other side is gone; then syncs what is left.
    pub(super) fn run(mut self, jobs: &Receiver<Job>, answers: &Sender<Completion>) {
        let mut done = Vec::new();
        loop {
            let job = match self.due {
                None => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due) => jobs.recv_timeout(due.saturating_duration_since(Instant::now())),
            };
            let ended = matches!(job, Err(RecvTimeoutError::Disconnected));
            match job {
                Ok(job) => self.serve(job, jobs, &mut done),
                Err(_) => self.sync(&mut done),
            }
            for completion in done.drain(..) {
                // Nobody listens while the store is being dropped; the records are written all the same.
                let _ = answers.blocking_send(completion);
            }
            if ended {
                return;
            }
        }
    }

    /// Writes a job and those that wait behind it, so that one sync serves them all.
    fn serve(&mut self, first: Job, jobs: &Receiver<Job>, done: &mut Vec<Completion>) {
        let mut durable = first.durable;
        self.write(&first, done);
        for job in jobs.try_iter().take(STORE_QUEUE) {
            durable |= job.durable;
            self.write(&job, done);
        }
        if durable || self.due.is_some_and(|due| due <= Instant::now()) {
            self.sync(done);
        }
    }

    pub(super) fn write(&mut self, job: &Job, done: &mut Vec<Completion>) {
        if job.records.iter().any(|record| record.is_empty() || record.len() > CLOSE_BYTES) {
            let why = format!("a record has 1 to {CLOSE_BYTES} bytes: a longer one could not be read again");
            return done.push((job.id, Err(why)));
        }
        if self.file.is_none() && !self.path.as_os_str().is_empty() {
            self.broken = self.open_again().err().map(|error| error.to_string());
        }
        if job.whole {
            return self.write_whole(job, done);
        }
        let bytes: Vec<u8> =
            job.records.iter().flat_map(|record| journal::frame(&self.key, record)).collect();
        match self.append(&bytes) {
            Ok(()) => {
                self.waiting.push(job.id);
                self.due.get_or_insert_with(|| Instant::now() + GROUP);
            }
            Err(why) => done.push((job.id, Err(why))),
        }
    }

    /// A flash that was full, or could only be read, at the start may be neither now.
    fn open_again(&mut self) -> Result<(), StoreError> {
        if let (None, Some(state)) = (&self.lock, self.path.parent()) {
            self.lock = Some(super::lock(state)?);
        }
        let (file, length) = super::open_file(&self.path, &JournalKey(self.key))?.1?;
        (self.file, self.written_len, self.synced_len) = (Some(file), length, length);
        Ok(())
    }

    /// Writes the journal anew. What was written before is in it, or is meant to be gone; if it cannot be, the old one
    /// goes on.
    fn write_whole(&mut self, job: &Job, done: &mut Vec<Completion>) {
        self.sync(done);
        let result = match &self.broken {
            Some(why) => Err(why.clone()),
            None => super::rewrite(&self.path, &self.key, &job.records).map_err(|error| error.to_string()),
        };
        let result = result.map(|(file, length)| {
            (self.file, self.written_len, self.synced_len) = (Some(file), length, length);
        });
        done.push((job.id, result));
    }

    /// Makes everything written last.
    pub(super) fn sync(&mut self, done: &mut Vec<Completion>) {
        self.due = None;
        let Some(file) = &self.file else { return };
        if self.waiting.is_empty() {
            return;
        }
        let result = file.sync_data().map_err(|error| self.failure("sync", &error));
        match &result {
            Ok(()) => self.synced_len = self.written_len,
            // After a failed sync the kernel may have dropped the pages: what was not on flash is not there.
            Err(_) => self.cut_back(self.synced_len),
        }
        done.extend(self.waiting.drain(..).map(|id| (id, result.clone())));
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), String> {
        let file = match (&self.file, &self.broken) {
            (Some(file), None) => file,
            (_, broken) => return Err(broken.clone().unwrap_or_default()),
        };
        match file.write_all_at(bytes, self.written_len) {
            Ok(()) => {
                self.written_len += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                let why = self.failure("write", &error);
                self.cut_back(self.written_len);
                Err(why)
            }
        }
    }

    /// Takes half-written bytes away, so that the next record stands behind the last whole one.
    fn cut_back(&mut self, length: u64) {
        self.written_len = length;
        if let Some(Err(error)) = self.file.as_ref().map(|file| file.set_len(length)) {
            self.broken = Some(self.failure("cut back", &error));
        }
    }

    fn failure(&self, doing: &str, error: &io::Error) -> String {
        format!("cannot {doing} {}: {error}", self.path.display())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}
