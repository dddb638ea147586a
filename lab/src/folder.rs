//! The folder of a run: configuration, state and logs of every node.
//!
//! It lies in the system's folder for temporary files and not in the source tree, because the path of a Unix socket
//! may have 107 characters at most. It is removed when the story has ended well, and stays when it has not.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::failure::{Outcome, io};

/// The folder of this run.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    /// Makes it, readable by nobody else. Of older runs the newest few stay.
    pub fn create() -> Outcome<Self> {
        let base = std::env::temp_dir();
        forget_old(&base);
        let path = base.join(format!("{PREFIX}{}", std::process::id()));
        if path.exists() {
            std::fs::remove_dir_all(&path).map_err(io(format!("to clear {}", path.display())))?;
        }
        let made = std::fs::DirBuilder::new().mode(0o700).create(&path);
        made.map_err(io(format!("the folder {}", path.display())))?;
        Ok(Self { path, keep: true })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of one node in it, made if it is not there.
    pub fn of(&self, name: &str) -> Outcome<PathBuf> {
        let path = self.path.join(name);
        std::fs::create_dir_all(&path).map_err(io(format!("the folder {}", path.display())))?;
        Ok(path)
    }

    /// Nobody needs the logs: the folder goes when this value goes.
    pub fn discard(&mut self) {
        self.keep = false;
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Removes the folders of dead runs but for the newest [`KEPT`].
fn forget_old(base: &Path) {
    let Ok(entries) = std::fs::read_dir(base) else { return };
    let mut old: Vec<(std::time::SystemTime, PathBuf)> = entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let pid = name.strip_prefix(PREFIX).and_then(|pid| pid.parse::<u32>().ok());
            pid.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists())
        })
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    old.sort();
    for (_, path) in old.iter().rev().skip(KEPT) {
        let _ = std::fs::remove_dir_all(path);
    }
}

const PREFIX: &str = "tequio-village-";

/// Failed runs whose logs stay.
const KEPT: usize = 5;
