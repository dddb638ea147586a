//! `lab thief`: whoever holds a byte copy of a node's state folder tries every line of the rules about thieves.
//!
//! Three times each: *before* anybody has noticed, *after* the key was expelled, and across a *split*, where only
//! the other side has noticed. What he gains until all know is held against a bound, and so is what is left of it
//! when the mesh is whole and the expulsion known.

mod coupons;
mod nodes;
mod rights;
mod streams;
mod village;

use std::path::{Path, PathBuf};

use serde::Serialize;
use tequio::ledger::Record;

use crate::failure::{Failure, Outcome, io};
pub use village::{FLOAT, HELD_S, NOON, OFFICER, PRICE, Post, SELLER, Thief, VICTIM, Village};

/// When he tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Nobody has noticed.
    Before,
    /// His key is expelled, and all know it.
    After,
    /// It is expelled on one side of a split, and he is on the other.
    Split,
}

/// One line of the rules.
pub struct Line {
    /// Its name in the table, and in tests.
    pub name: &'static str,
    /// What he tries.
    pub tries: &'static str,
    /// What a gain is counted in.
    pub unit: &'static str,
    /// What he may gain until all know of the expulsion, and what may be left then.
    pub most: [u64; 2],
    /// What bounds it.
    pub bound: &'static str,
    /// Whose box he has.
    pub seat: usize,
    /// What he signs.
    pub act: fn(&mut Thief, &Village) -> Outcome<()>,
    /// What he has gained, as one honest node sees it.
    pub gain: fn(&Thief, &Village, &Post) -> u64,
}

/// What came of one line at one time.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The line's name.
    pub line: &'static str,
    /// When.
    pub stage: Stage,
    /// What he tried.
    pub tries: &'static str,
    /// What a gain is counted in.
    pub unit: &'static str,
    /// What he gained until all knew.
    pub gained: u64,
    /// What was left when all knew.
    pub left: u64,
    /// What he may gain, and what may be left.
    pub most: [u64; 2],
    /// What bounds it.
    pub bound: &'static str,
}

impl Row {
    /// Whether the bounds held.
    pub fn holds(&self) -> bool {
        self.gained <= self.most[0] && self.left <= self.most[1]
    }
}

/// The lines about records, in the order of the rules.
pub fn lines() -> impl Iterator<Item = Line> {
    coupons::LINES.into_iter().chain(rights::LINES)
}

/// The names of all lines.
pub fn names() -> impl Iterator<Item = &'static str> {
    lines().map(|line| line.name).chain(streams::NAMES).chain(nodes::NAMES)
}

/// A line by its name, at all three times.
pub fn try_line(name: &str, folder: &Path) -> Outcome<Vec<Row>> {
    if let Some(rows) = streams::try_line(name, folder).or_else(|| nodes::try_line(name, folder)) {
        return rows;
    }
    let line = lines().find(|line| line.name == name);
    let line = line.ok_or_else(|| Failure::new("a line of the rules", format!("`{name}`")))?;
    [Stage::Before, Stage::After, Stage::Split]
        .into_iter()
        .map(|stage| try_once(&line, stage, &folder.join(format!("{name}-{stage:?}"))))
        .collect()
}

fn try_once(line: &Line, stage: Stage, folder: &Path) -> Outcome<Row> {
    let mut village = Village::found(folder)?;
    let mut thief = village.steal(line.seat)?;
    let heads = village.posts[OFFICER].ledger.heads(&village.posts[line.seat].key());
    let expulsion = village.expulsion(line.seat, heads)?;
    let all: Vec<usize> = (0..village.posts.len()).collect();
    let (near, far): (&[usize], &[usize]) = match stage {
        Stage::Before => (&[], &all),
        Stage::After => (&all, &[]),
        Stage::Split => (&all[..2], &all[2..]),
    };
    near.iter().for_each(|seat| village.posts[*seat].learn(std::slice::from_ref(&expulsion)));
    (line.act)(&mut thief, &village)?;
    let told: &[usize] = if far.is_empty() { near } else { far };
    for seat in told {
        village.posts[*seat].learn(&thief.records);
        // A try that is refused for its spelling tries nothing.
        let ledger = &village.posts[*seat].ledger;
        let is_kept = |bytes: &&Vec<u8>| Record::id_of(bytes).is_some_and(|id| ledger.has(id));
        let kept = thief.records.iter().filter(is_kept).count();
        if kept != thief.records.len() {
            let seen = format!("{kept} of {} are held", thief.records.len());
            return Err(Failure::new("records that are well made and signed", seen));
        }
    }
    let honest = |village: &Village| {
        let posts = village.posts.iter().filter(|post| post.key() != thief.ledger.own_key());
        posts.map(|post| (line.gain)(&thief, village, post)).max().unwrap_or(0)
    };
    let gained = honest(&village);
    // The mesh is whole, and everybody hears of it.
    village.meet(&all);
    all.iter().for_each(|seat| village.posts[*seat].learn(std::slice::from_ref(&expulsion)));
    let left = honest(&village);
    let Line { name, tries, unit, most, bound, .. } = *line;
    Ok(Row { line: name, stage, tries, unit, gained, left, most, bound })
}

/// Tries every line and prints the table; whether every bound held.
pub fn run(json: bool) -> Outcome<bool> {
    let folder = Folder::create()?;
    let mut rows = Vec::new();
    for name in names() {
        rows.extend(try_line(name, &folder.0)?);
    }
    if json {
        rows.iter().for_each(|row| println!("{}", serde_json::to_string(row).unwrap_or_default()));
    } else {
        print(&rows);
    }
    let broken: Vec<&Row> = rows.iter().filter(|row| !row.holds()).collect();
    for row in &broken {
        println!(
            "BROKEN: {} {:?}: he gained {} {}, at most {:?}",
            row.line, row.stage, row.gained, row.unit, row.most
        );
    }
    println!("{} tries, {} bounds broken", rows.len(), broken.len());
    Ok(broken.is_empty())
}

fn print(rows: &[Row]) {
    println!("{:<20} {:<7} {:>8} {:>8}  {:<16} what bounds it", "line", "when", "gained", "left", "of");
    for row in rows {
        let Row { line, stage, gained, left, unit, bound, .. } = row;
        if *stage == Stage::Before {
            println!("-- {}", row.tries);
        }
        let stage = format!("{stage:?}").to_lowercase();
        let mark = if row.holds() { "" } else { "  BROKEN" };
        println!("{line:<20} {stage:<7} {gained:>8} {left:>8}  {unit:<16} {bound}{mark}");
    }
}

/// A folder for keys that mean nothing anywhere else; it goes with the value.
pub struct Folder(pub PathBuf);

impl Folder {
    /// Makes it, for nobody else to read.
    pub fn create() -> Outcome<Self> {
        use std::os::unix::fs::DirBuilderExt;
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("tequio-thief-{}-{number}", std::process::id()));
        let made = std::fs::DirBuilder::new().mode(0o700).create(&path);
        made.map_err(io(format!("the folder {}", path.display())))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
