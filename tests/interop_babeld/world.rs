//! Three network namespaces in a row, and the programs that run in them.
//!
//! ```text
//! A (tequio) ab ---- ba B (babeld) bc ---- cb C (tequio)
//! ```

use std::fmt::Write as _;
use std::time::Duration;

use crate::place::{Folder, Place, until};

/// The three places and the time that was measured in them. What it holds ends in the order of the fields.
pub(crate) struct World {
    pub(crate) a: Place,
    pub(crate) b: Place,
    pub(crate) c: Place,
    table: String,
    _folder: Folder,
}

impl World {
    /// Three namespaces and two cables without IPv4 addresses; no program runs yet.
    pub(crate) fn new(kind: &str) -> Self {
        let folder =
            Folder(std::env::temp_dir().join(format!("tequio-babeld-{}-{kind}", std::process::id())));
        let [a, b, c] = ["a", "b", "c"].map(|name| Place::new(name, &format!("babeld-{kind}"), &folder.0));
        let world = Self { a, b, c, table: String::new(), _folder: folder };
        world.a.cable("ab", &world.b, "ba");
        world.b.cable("bc", &world.c, "cb");
        world
    }

    /// Looks until the condition holds, for at most `limit_s`; the seconds go to the table.
    pub(crate) fn until(
        &mut self,
        what: &str,
        limit_s: u64,
        condition: impl Fn(&Self) -> Result<(), String>,
    ) {
        let check = |world: &mut Self| {
            for place in [&mut world.a, &mut world.b, &mut world.c] {
                place.check();
            }
        };
        let took = until(self, what, Duration::from_secs(limit_s), check, condition);
        let _ = writeln!(self.table, "  {:>6.1} s  {what}", took.as_secs_f64());
    }

    /// What was measured.
    pub(crate) fn table(&self) -> &str {
        &self.table
    }
}
