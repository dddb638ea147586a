//! The folder of a community: root key, epoch secrets, public records.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use blake2::{Blake2s256, Digest};
use ed25519_dalek::{Signer, SigningKey};
use zeroize::Zeroizing;

use crate::cli::community::bundle::{read_bundle, read_file, seq_start};
use crate::ledger::{Body, Ledger, Record, RecordId, bundle};
use crate::platform::vault::Secrets;
use crate::platform::vault::keys::{make_folder, push_hex, sync_folder, unhex, write_secret};

/// Only in the hands of whoever keeps the community.
const ROOT_FILE: &str = "root.key";
/// Secret as well: what nodes get their shares of.
const EPOCHS_FILE: &str = "epochs.key";
/// For everybody.
pub(super) const RECORDS_FILE: &str = "community.records";

/// An opened folder. One command at a time has it.
pub(super) struct Assembly {
    folder: PathBuf,
    root: SigningKey,
    pub(super) ledger: Ledger,
    records: Vec<Vec<u8>>,
    epochs: Vec<(RecordId, Secrets)>,
    _lock: File,
}

impl Assembly {
    /// A new community in a folder that has none. Nothing is written before [`Self::found`].
    pub(super) fn new(folder: &Path) -> Result<Self, String> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed)
            .map_err(|error| format!("the kernel gives no random numbers: {error}"))?;
        Self::with_root(folder, SigningKey::from_bytes(&seed))
    }

    /// The same with a root key that is known.
    pub(super) fn with_root(folder: &Path, root: SigningKey) -> Result<Self, String> {
        make_folder(folder).map_err(|error| error.to_string())?;
        let lock = lock(folder)?;
        for file in [ROOT_FILE, EPOCHS_FILE, RECORDS_FILE] {
            let path = folder.join(file);
            if path.exists() {
                return Err(format!(
                    "{} is there already: a community has been founded in this folder, take another one",
                    path.display()
                ));
            }
        }
        let ledger = Ledger::new(root.verifying_key().to_bytes(), seq_start()?);
        let folder = folder.to_owned();
        Ok(Self { folder, root, ledger, records: Vec::new(), epochs: Vec::new(), _lock: lock })
    }

    /// The community of a folder, everything in it verified.
    pub(super) fn open(folder: &Path) -> Result<Self, String> {
        let path = folder.join(ROOT_FILE);
        if !path.exists() {
            return Err(format!(
                "{} is not there: name the folder of a community, or found one with `tequio community create`",
                path.display()
            ));
        }
        let lock = lock(folder)?;
        let root = read_root(&path)?;
        let own = root.verifying_key().to_bytes();
        let (mut ledger, records) = read_bundle(&folder.join(RECORDS_FILE), own)?;
        // A root that was made without the old one: whoever has this folder has accepted it.
        ledger.accept_root(own);
        if ledger.root() != Some(own) {
            return Err(format!("{} is not the root key of {RECORDS_FILE} beside it", path.display()));
        }
        let epochs = read_epochs(&folder.join(EPOCHS_FILE))?;
        Ok(Self { folder: folder.to_owned(), root, ledger, records, epochs, _lock: lock })
    }

    /// The root's public key.
    pub(super) fn root_key(&self) -> [u8; 32] {
        self.root.verifying_key().to_bytes()
    }

    /// Writes and signs a record of the root.
    pub(super) fn write(&mut self, body: Body) -> Result<RecordId, String> {
        let draft = self.ledger.draft(body).map_err(|error| error.to_string())?;
        let signature = self.root.sign(&draft.message_to_sign).to_bytes();
        let bytes = self.ledger.complete(draft, signature);
        let id = Record::parse(&bytes).map_err(|error| error.to_string())?.id;
        self.records.push(bytes);
        Ok(id)
    }

    /// Takes in records of others, each verified.
    pub(super) fn take(&mut self, records: Vec<Vec<u8>>) -> Result<(), String> {
        for record in records {
            if self.ledger.handle_record(&record).map_err(|error| error.to_string())?.new {
                self.records.push(record);
            }
        }
        Ok(())
    }

    /// All records, in the order in which they came.
    pub(super) fn records(&self) -> &[Vec<u8>] {
        &self.records
    }

    /// The root key itself.
    pub(super) fn secret(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.root.to_bytes())
    }

    /// Takes over the secrets of the epochs from the folder of the root before.
    pub(super) fn inherit(&mut self, mut old: Self) -> Result<(), String> {
        self.epochs.append(&mut old.epochs);
        // The old root's word is also for the old folder: it is nobody's any more.
        old.save()
    }

    /// Keeps the secrets of a new epoch, on disk too before the records that speak of it.
    pub(super) fn keep_secrets(&mut self, epoch: RecordId, secrets: Secrets) -> Result<(), String> {
        self.epochs.push((epoch, secrets));
        let path = self.folder.join(EPOCHS_FILE);
        let draft = self.folder.join("epochs.key.next");
        // Left by a run that was cut off: nothing was sealed under what it holds.
        let _ = fs::remove_file(&draft);
        write_secret(&draft, checked(&self.epochs_text()).as_bytes()).map_err(|error| error.to_string())?;
        let rename = fs::rename(&draft, &path).and_then(|()| sync_folder(&path));
        rename.map_err(|error| format!("cannot write {}: {error}", path.display()))
    }

    /// The secrets of the current epoch, and its record and number.
    pub(super) fn current_secrets(&self) -> Result<(RecordId, u32, &Secrets), String> {
        let (id, number) = self.ledger.current_epoch().ok_or("the community has no epoch")?;
        let secrets = self.epochs.iter().find(|(epoch, _)| *epoch == id).map(|(_, secrets)| secrets);
        let missing =
            || format!("{} has no secrets of epoch {number}", self.folder.join(EPOCHS_FILE).display());
        Ok((id, number, secrets.ok_or_else(missing)?))
    }

    /// Puts a new community on disk: the secrets first, since records without them are worth nothing.
    pub(super) fn found(&mut self, epoch: RecordId, secrets: Secrets) -> Result<(), String> {
        self.epochs.push((epoch, secrets));
        self.put()
    }

    /// Puts a folder on disk that has none of the files yet.
    pub(super) fn put(&self) -> Result<(), String> {
        let mut root = Zeroizing::new("tequio root key 1\nroot ".to_owned());
        Zeroizing::new(self.root.to_bytes()).iter().for_each(|byte| push_hex(&mut root, *byte));
        for (file, text) in [(ROOT_FILE, root), (EPOCHS_FILE, self.epochs_text())] {
            write_secret(&self.folder.join(file), checked(&text).as_bytes())
                .map_err(|error| error.to_string())?;
        }
        self.save()
    }

    fn epochs_text(&self) -> Zeroizing<String> {
        let mut epochs = Zeroizing::new("tequio epoch secrets 1".to_owned());
        for (id, secrets) in &self.epochs {
            epochs.push_str("\nepoch ");
            id.0.iter().for_each(|byte| push_hex(&mut epochs, *byte));
            epochs.push(' ');
            secrets.to_bytes().iter().for_each(|byte| push_hex(&mut epochs, *byte));
        }
        epochs
    }

    /// Puts the records on disk: all of them or none of the new ones.
    pub(super) fn save(&self) -> Result<(), String> {
        let path = self.folder.join(RECORDS_FILE);
        let draft = path.with_extension("records.new");
        let bytes = bundle::write(self.records.iter().map(Vec::as_slice));
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&draft)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&draft, &path)?;
            sync_folder(&path)
        };
        write().map_err(|error| format!("cannot write {}: {error}", path.display()))
    }
}

fn lock(folder: &Path) -> Result<File, String> {
    let path = folder.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    file.try_lock()
        .map_err(|_| format!("another `tequio community` is at work in {}: wait for it", folder.display()))?;
    Ok(file)
}

fn read_root(path: &Path) -> Result<SigningKey, String> {
    let text = read_checked(path)?;
    let mut seed = Zeroizing::new([0; 32]);
    let key = text.strip_prefix("tequio root key 1\nroot ").and_then(|hex| unhex(hex, &mut *seed));
    key.ok_or_else(|| format!("{}: this is no root key", path.display()))?;
    Ok(SigningKey::from_bytes(&seed))
}

fn read_epochs(path: &Path) -> Result<Vec<(RecordId, Secrets)>, String> {
    let text = read_checked(path)?;
    let epoch = |line: &str| {
        let (id, secrets) = line.strip_prefix("epoch ")?.split_once(' ')?;
        let mut record = [0; 32];
        let mut bytes = Zeroizing::new([0; 64]);
        unhex(id, &mut record)?;
        unhex(secrets, &mut *bytes)?;
        Some((RecordId(record), Secrets::from_bytes(&*bytes)?))
    };
    let mut lines = text.lines();
    let known = lines.next() == Some("tequio epoch secrets 1");
    let epochs: Option<Vec<_>> = lines.map(epoch).collect();
    epochs.filter(|_| known).ok_or_else(|| format!("{}: these are no epoch secrets", path.display()))
}

/// A text and a line that proves it whole.
fn checked(text: &str) -> Zeroizing<String> {
    let mut whole = Zeroizing::new(format!("{text}\ncheck "));
    let hash = Blake2s256::digest(text.as_bytes());
    hash.iter().take(8).for_each(|byte| push_hex(&mut whole, *byte));
    whole.push('\n');
    whole
}

fn read_checked(path: &Path) -> Result<Zeroizing<String>, String> {
    let bytes = read_file(path, 1 << 20)?;
    let damaged = || format!("{} is damaged: take the other copy of it", path.display());
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
    let (text, _) = text.rsplit_once("\ncheck ").ok_or_else(damaged)?;
    if checked(text).as_bytes() != bytes.as_slice() {
        return Err(damaged());
    }
    Ok(Zeroizing::new(text.to_owned()))
}
