//! The run folder: what a restart in the same boot needs and a reboot must not have; and the one small file that a
//! reboot needs too, what metered uplinks have carried.
//!
//! It lies in memory (`/var/run` is a RAM disk on OpenWrt): Babel's name and number, and the list of
//! sessions with the guests' devices, which must never be on flash. Files are replaced whole and are
//! readable by root alone. What cannot be read is as if it were not there.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::babel::{RouterId, SeqNo};
use crate::hotspot::output::SavedSession;
use crate::node::calendar::Kept;
use crate::node::metered::Volume;
use crate::platform::clock;

/// What the last run of this boot left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SavedNode {
    pub(super) router_id: RouterId,
    pub(super) seqno: SeqNo,
    pub(super) sessions: Vec<SavedSession>,
}

/// The folder.
pub(super) struct RunFolder {
    path: PathBuf,
    boot_id: [u8; 16],
    router_id: std::cell::Cell<RouterId>,
    /// Whether the last write failed: said once.
    in_trouble: std::cell::Cell<bool>,
}

/// The file `babel`.
#[derive(Serialize, Deserialize)]
struct BabelFile {
    boot_id: [u8; 16],
    router_id: RouterId,
    seqno: SeqNo,
}

/// The file `volumes` in the folder of what must outlive a power cut.
#[derive(Serialize, Deserialize)]
struct VolumesFile {
    boot_id: [u8; 16],
    volumes: Vec<Volume>,
}

/// The file `sessions`. Its form belongs to the version that wrote it.
#[derive(Serialize, Deserialize)]
struct SessionsFile {
    version: String,
    boot_id: [u8; 16],
    sessions: Vec<SavedSession>,
}

impl RunFolder {
    /// Makes the folder if need be, and says what follows if it cannot be written to.
    pub(super) fn open(path: &Path) -> Result<(Self, Option<String>), String> {
        let boot_id = clock::boot_id().map_err(|error| error.to_string())?;
        let folder = Self {
            path: path.to_owned(),
            boot_id,
            router_id: std::cell::Cell::new(RouterId([0; 8])),
            in_trouble: std::cell::Cell::new(false),
        };
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        let trouble = made.and_then(|()| folder.try_write("test", &[])).err().map(|error| {
            folder.in_trouble.set(true);
            format!(
                "the run folder {} cannot be written to ({error}): a restart forgets sessions and draws a new \
                 router-id; the rest runs. Make it writable, or change option run_dir",
                path.display()
            )
        });
        // It was there to be tried.
        let _ = fs::remove_file(path.join("test"));
        Ok((folder, trouble))
    }

    /// What was left, if it is of this boot.
    pub(super) fn load(&self, boot_id: [u8; 16]) -> Option<SavedNode> {
        let babel: BabelFile = self.read("babel")?;
        let sessions: Option<SessionsFile> = self.read("sessions");
        let sessions = sessions
            .filter(|file| file.boot_id == boot_id && file.version == env!("CARGO_PKG_VERSION"))
            .map(|file| file.sessions);
        (babel.boot_id == boot_id).then(|| SavedNode {
            router_id: babel.router_id,
            seqno: babel.seqno,
            sessions: sessions.unwrap_or_default(),
        })
    }

    /// Whether whoever stops us has left word here that no other run follows (the init script does, for `stop` and
    /// when the machine goes down). Else the kernel goes on forwarding for the next run.
    pub(super) fn is_final_stop(&self) -> bool {
        self.path.join("final-stop").exists()
    }

    /// Keeps Babel's name and number.
    pub(super) fn save_birth(&self, router_id: RouterId, seqno: SeqNo) {
        self.router_id.set(router_id);
        self.write("babel", &BabelFile { boot_id: self.boot_id, router_id, seqno });
    }

    /// Keeps Babel's number.
    pub(super) fn save_seqno(&self, seqno: SeqNo) {
        self.save_birth(self.router_id.get(), seqno);
    }

    /// Keeps the list of sessions.
    pub(super) fn save_sessions(&self, sessions: Vec<SavedSession>) {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        self.write("sessions", &SessionsFile { version, boot_id: self.boot_id, sessions });
    }

    /// What uplinks had carried when it was kept last. After a reboot the kernel counts from nothing again.
    pub(super) fn load_volumes(&self, folder: &Path) -> Vec<Volume> {
        // The loop waits for no flash, so a power cut may leave the newer file empty.
        let found = VOLUMES.into_iter().find_map(|name| read::<VolumesFile>(&folder.join(name)));
        let Some(VolumesFile { boot_id, mut volumes }) = found else { return Vec::new() };
        if boot_id != self.boot_id {
            volumes.iter_mut().for_each(|volume| volume.counter_bytes = 0);
        }
        volumes
    }

    /// Keeps it, and what was kept before beside it.
    pub(super) fn save_volumes(&self, folder: &Path, volumes: Vec<Volume>) {
        let file = VolumesFile { boot_id: self.boot_id, volumes };
        keep(folder, VOLUMES, postcard::to_allocvec(&file));
    }

    /// The last good time; the start of time if none was kept.
    pub(super) fn load_time(&self, folder: &Path) -> Kept {
        TIME.into_iter().find_map(|name| read(&folder.join(name))).unwrap_or_default()
    }

    /// Keeps it.
    pub(super) fn save_time(&self, folder: &Path, kept: Kept) {
        keep(folder, TIME, postcard::to_allocvec(&kept));
    }

    fn read<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        read(&self.path.join(name))
    }

    fn write(&self, name: &str, value: &impl Serialize) {
        let bytes = postcard::to_allocvec(value).map_err(std::io::Error::other);
        match bytes.and_then(|bytes| self.try_write(name, &bytes)) {
            Ok(()) => self.in_trouble.set(false),
            Err(error) if !self.in_trouble.replace(true) => {
                log::warn!("{} cannot be kept for a restart: {error}", self.path.join(name).display());
            }
            Err(_) => {}
        }
    }

    fn try_write(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        replace(&self.path.join(name), bytes)
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Option<T> {
    postcard::from_bytes(&fs::read(path).ok()?).ok()
}

/// Keeps a small file on flash, and the one of before beside it.
fn keep(folder: &Path, names: [&str; 2], bytes: postcard::Result<Vec<u8>>) {
    let [current, before] = names.map(|name| folder.join(name));
    // There is none the first time.
    let _ = fs::rename(&current, before);
    let bytes = bytes.map_err(std::io::Error::other);
    if let Err(error) = bytes.and_then(|bytes| replace(&current, &bytes)) {
        log::warn!("{} cannot be written: {error}", current.display());
    }
}

fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(bytes)?;
    fs::rename(&fresh, path)
}

/// The newer file, and the older one.
const TIME: [&str; 2] = ["time", "time.old"];
const VOLUMES: [&str; 2] = ["volumes", "volumes.old"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_uplinks_carried_outlives_a_reboot_and_a_file_that_a_power_cut_emptied() {
        let place = std::env::temp_dir().join(format!("tequio-volumes-{}", std::process::id()));
        let (mut folder, trouble) = RunFolder::open(&place).unwrap();
        assert_eq!((trouble, folder.load_volumes(&place)), (None, Vec::new()));
        let used = |used_bytes| {
            vec![Volume { device: "wan".to_owned(), month: 24_322, used_bytes, counter_bytes: 7 }]
        };
        folder.save_volumes(&place, used(1));
        folder.save_volumes(&place, used(2));
        assert_eq!(folder.load_volumes(&place), used(2));
        fs::write(place.join("volumes"), "").unwrap();
        assert_eq!(folder.load_volumes(&place), used(1));
        assert_eq!(folder.load_time(&place), Kept::default());
        for unix_s in [7, 1_800_000_000] {
            folder.save_time(&place, Kept { unix_s, number: 2 });
        }
        fs::write(place.join("time"), "").unwrap();
        assert_eq!(folder.load_time(&place), Kept { unix_s: 7, number: 2 });
        folder.boot_id = [0; 16];
        assert_eq!(folder.load_volumes(&place), vec![Volume { counter_bytes: 0, ..used(1)[0].clone() }]);
        fs::remove_dir_all(&place).unwrap();
    }
}
