//! The languages that are built into what is printed and planned; the portal's own are files (`hotspot::portal`).

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Español.
    Spanish,
    /// English.
    English,
}

impl Language {
    /// What `--language` says; Spanish if it is not said.
    pub fn named(word: Option<&str>) -> Result<Self, String> {
        match word {
            None | Some("es") => Ok(Self::Spanish),
            Some("en") => Ok(Self::English),
            Some(other) => Err(format!("--language `{other}`: there are es and en")),
        }
    }

    /// The sentence of this language.
    pub const fn of<T: Copy>(self, english: T, spanish: T) -> T {
        match self {
            Self::English => english,
            Self::Spanish => spanish,
        }
    }

    /// Its name in pages.
    pub const fn code(self) -> &'static str {
        self.of("en", "es")
    }
}
