//! The one other thread: records go to flash here, so that the loop never waits for an fsync.
//!
//! [`Store::submit`] puts records into a bounded queue and returns at once; [`Store::completed`] tells what
//! became of them. Records that must last before an answer is given (money) are synced at once, together
//! with whatever else waits; the others are synced in groups within a second. A completion always means
//! that the records are on flash, never that they are on their way.
//!
//! The file `journal` in the state folder is of the form that `ledger::journal` describes; the file `lock`
//! keeps a second daemon away. A flash that is full or can only be read fails every submission with a
//! message and stops nothing else.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use self::writer::{Job, Writer};
use crate::base::limit::{JOURNAL_BYTES, STORE_QUEUE};
use crate::ledger::Record;
use crate::ledger::journal::{self, JournalError, Torn};
use crate::platform::vault::JournalKey;
use crate::platform::vault::keys::{make_folder, sync_folder};

mod writer;

/// What became of a submission: its number, and why it is not on flash if it is not.
pub type Completion = (u64, Result<(), String>);

/// The store thread, seen from the loop.
#[derive(Debug)]
pub struct Store {
    queue: Option<SyncSender<Job>>,
    completions: mpsc::Receiver<Completion>,
    thread: Option<JoinHandle<()>>,
}

/// What the journal held when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The records, in the order in which they were written. Each one was verified before it was, or now.
    pub records: Vec<Vec<u8>>,
    /// A record whose writing was cut off; it was dropped.
    pub torn: Option<Torn>,
    /// Damaged places between records; what stood there is lost.
    pub damaged: Vec<Torn>,
    /// The journal came from another router: all signatures were verified anew.
    pub foreign: bool,
    /// Records of a foreign journal whose signatures do not fit; they were dropped.
    pub refused: usize,
    /// Why nothing can be written, if nothing can.
    pub unwritable: Option<String>,
}

/// Why there is no store.
#[derive(Debug)]
pub enum StoreError {
    /// Another daemon has this state folder.
    Running {
        /// The folder.
        state: PathBuf,
        /// The other one's process, if it said so.
        pid: String,
    },
    /// A file or folder refuses.
    File {
        /// What was to be done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file is no journal of this version.
    Journal {
        /// The file.
        path: PathBuf,
        /// What it is.
        error: JournalError,
    },
    /// The file is larger than any journal may be.
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The state folder cannot be made.
    Folder(crate::platform::vault::VaultError),
}

/// Why a submission was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmitError {
    /// The queue is full: the flash is slower than the records come.
    Full,
    /// The store thread has ended.
    Ended,
}

impl Store {
    /// Opens the journal in `state`, drops a torn tail, and starts the thread.
    pub fn open(state: &Path, key: &JournalKey) -> Result<(Self, Loaded), StoreError> {
        make_folder(state).map_err(StoreError::Folder)?;
        let (lock, unwritable) = match lock(state) {
            Ok(lock) => (Some(lock), None),
            Err(error) if error.is_unwritable() => (None, Some(error.to_string())),
            Err(error) => return Err(error),
        };
        let path = state.join("journal");
        let (mut loaded, opened) = open_file(&path, key)?;
        let mut writer = match opened {
            Ok((file, length)) if unwritable.is_none() => Writer::new(file, path, length, key.0),
            Err(error) if !error.is_unwritable() => return Err(error),
            opened => {
                loaded.unwritable = unwritable.or_else(|| opened.err().map(|error| error.to_string()));
                Writer::closed(path, key.0)
            }
        };
        writer.lock = lock;
        Ok((Self::start(writer), loaded))
    }

    /// A store beside a journal that cannot be used: every submission fails with `why`, and the file stays
    /// as it is. An error only if another daemon has the folder.
    pub fn refused(state: &Path, why: &str) -> Result<Self, StoreError> {
        match lock(state) {
            Err(error @ StoreError::Running { .. }) => Err(error),
            lock => {
                let mut writer = Writer::broken(why.to_owned());
                writer.lock = lock.ok();
                Ok(Self::start(writer))
            }
        }
    }

    /// Hands over records to be written. Does not block.
    pub fn submit(&mut self, id: u64, records: Vec<Vec<u8>>, durable: bool) -> Result<(), SubmitError> {
        self.queue_job(Job { id, records, durable, whole: false })
    }

    /// Hands over all records that the journal is to hold from now on: it is written anew, and the old one is there until
    /// the new one is whole. Does not block.
    pub fn submit_whole(&mut self, id: u64, records: Vec<Vec<u8>>) -> Result<(), SubmitError> {
        self.queue_job(Job { id, records, durable: false, whole: true })
    }

    fn queue_job(&mut self, job: Job) -> Result<(), SubmitError> {
        let queue = self.queue.as_ref().ok_or(SubmitError::Ended)?;
        queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => SubmitError::Full,
            TrySendError::Disconnected(_) => SubmitError::Ended,
        })
    }

    /// Waits for the next completion; may be dropped and called again. `None` if the thread has ended.
    pub async fn completed(&mut self) -> Option<Completion> {
        self.completions.recv().await
    }

    /// Waits for the next completion, outside of an async runtime.
    pub fn wait(&mut self) -> Option<Completion> {
        self.completions.blocking_recv()
    }

    fn start(writer: Writer) -> Self {
        let (queue, jobs) = sync_channel(STORE_QUEUE);
        // As many answers as there can be questions: the thread only waits if the loop stopped listening.
        let (answers, completions) = mpsc::channel(STORE_QUEUE);
        let thread =
            std::thread::Builder::new().name("store".into()).spawn(move || writer.run(&jobs, &answers));
        // Without a thread nobody takes jobs: `submit` then says that the store has ended.
        Self { queue: Some(queue), completions, thread: thread.ok() }
    }
}

impl Drop for Store {
    /// Waits until everything that was submitted is on flash.
    fn drop(&mut self) {
        self.queue = None;
        self.completions.close();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

fn lock(state: &Path) -> Result<File, StoreError> {
    let path = state.join("lock");
    let opened =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = opened.map_err(file_error("write", &path))?;
    match file.try_lock() {
        Ok(()) => {
            // For whoever finds it locked; a full disk takes nothing away from the lock itself.
            let _ = file.set_len(0).and_then(|()| file.write_all(std::process::id().to_string().as_bytes()));
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let _ = file.take(16).read_to_string(&mut pid);
            Err(StoreError::Running { state: state.to_owned(), pid: pid.trim().to_owned() })
        }
        Err(TryLockError::Error(error)) => Err(file_error("lock", &path)(error)),
    }
}

/// Reads the journal; a file that is not there is an empty one.
fn load(path: &Path, key: &JournalKey) -> Result<(Loaded, journal::Scan), StoreError> {
    let bytes = match File::open(path) {
        Ok(mut file) => {
            let length = file.metadata().map_err(file_error("read", path))?.len();
            if length > JOURNAL_BYTES {
                return Err(StoreError::TooLarge { path: path.to_owned() });
            }
            let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
            file.read_to_end(&mut bytes).map_err(file_error("read", path))?;
            bytes
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(file_error("read", path)(error)),
    };
    let scan = journal::scan(&key.0, &bytes)
        .map_err(|error| StoreError::Journal { path: path.to_owned(), error })?;
    let good =
        |record: &&[u8]| !scan.foreign || Record::parse(record).and_then(|read| read.verify(record)).is_ok();
    let found = scan.records.iter().map(|range| &bytes[range.clone()]);
    let records: Vec<Vec<u8>> = found.filter(good).map(<[u8]>::to_vec).collect();
    let loaded = Loaded {
        refused: scan.records.len() - records.len(),
        records,
        torn: scan.torn,
        damaged: scan.damaged.clone(),
        foreign: scan.foreign,
        unwritable: None,
    };
    Ok((loaded, scan))
}

/// A journal's file and its length, if it can be written to.
type Opened = Result<(File, u64), StoreError>;

/// What a journal holds, and its file, ready to be appended to if it can be.
fn open_file(path: &Path, key: &JournalKey) -> Result<(Loaded, Opened), StoreError> {
    let (loaded, scan) = load(path, key)?;
    let opened = prepare(path, key, &loaded, &scan);
    Ok((loaded, opened))
}

/// The journal's file, ready to be appended to, and its length.
fn prepare(
    path: &Path,
    key: &JournalKey,
    loaded: &Loaded,
    scan: &journal::Scan,
) -> Result<(File, u64), StoreError> {
    let fresh = scan.valid_len < journal::HEADER.len();
    if fresh || loaded.foreign || !loaded.damaged.is_empty() {
        return rewrite(path, &key.0, &loaded.records);
    }
    let file = OpenOptions::new().write(true).open(path).map_err(file_error("write", path))?;
    let length = scan.valid_len as u64;
    if loaded.torn.is_some() {
        file.set_len(length)
            .and_then(|()| file.sync_all())
            .map_err(file_error("cut the torn end of", path))?;
    }
    Ok((file, length))
}

/// Writes the whole journal anew: the old one is there until the new one is whole.
fn rewrite(path: &Path, key: &[u8; 32], records: &[Vec<u8>]) -> Result<(File, u64), StoreError> {
    let draft = path.with_extension("new");
    let write = || -> io::Result<(File, u64)> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        let mut length = journal::HEADER.len() as u64;
        file.write_all(&journal::HEADER)?;
        for record in records {
            let frame = journal::frame(key, record);
            length += frame.len() as u64;
            file.write_all(&frame)?;
        }
        file.sync_all()?;
        fs::rename(&draft, path)?;
        sync_folder(path)?;
        Ok((file, length))
    };
    write().map_err(file_error("write", path))
}

impl StoreError {
    fn is_unwritable(&self) -> bool {
        use io::ErrorKind::{ReadOnlyFilesystem, StorageFull};
        matches!(self, Self::File { error, .. } if matches!(error.kind(), ReadOnlyFilesystem | StorageFull))
    }
}

fn file_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |error| StoreError::File { doing, path, error }
}

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running { state, pid } => {
                write!(formatter, "another tequio uses {}", state.display())?;
                if !pid.is_empty() {
                    write!(formatter, " (process {pid})")?;
                }
                formatter.write_str(": stop it first, or give this one a state folder of its own")
            }
            Self::File { doing, path, error } => {
                write!(formatter, "cannot {doing} {}: {error}", path.display())
            }
            Self::Journal { path, error } => {
                write!(formatter, "{}: {error}. ", path.display())?;
                formatter.write_str(match error {
                    JournalError::Version { .. } => {
                        "Nothing was changed in it: install the later program again"
                    }
                    JournalError::NoJournal => "Move it away to begin with an empty one",
                })
            }
            Self::TooLarge { path } => write!(
                formatter,
                "{} is larger than {} MB: it is no journal that this program wrote",
                path.display(),
                JOURNAL_BYTES >> 20
            ),
            Self::Folder(error) => fmt::Display::fmt(error, formatter),
        }
    }
}

impl std::error::Error for StoreError {}

impl fmt::Display for SubmitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Full => "the flash is too slow: too many records wait to be written",
            Self::Ended => "the store thread has ended: nothing can be written until a restart",
        })
    }
}

impl std::error::Error for SubmitError {}

#[cfg(test)]
mod tests;
