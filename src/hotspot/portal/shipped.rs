//! The files of words that the package brings, for tests.

use super::words::{Catalogue, Language};

/// By the codes of their languages.
pub(crate) const FILES: [(&str, &str); 4] = [
    ("es", include_str!("../../../templates/words/es.txt")),
    ("en", include_str!("../../../templates/words/en.txt")),
    ("pt", include_str!("../../../templates/words/pt.txt")),
    ("el", include_str!("../../../templates/words/el.txt")),
];

/// All of them, in this order.
pub(crate) fn catalogue() -> Catalogue {
    of(FILES)
}

/// All of them, in the order of their names.
pub(crate) fn sorted() -> Catalogue {
    let mut files = FILES;
    files.sort();
    of(files)
}

fn of(files: [(&str, &str); 4]) -> Catalogue {
    let mut catalogue = Catalogue::default();
    for (code, file) in files {
        let language = Language::of_code(code).expect("two letters");
        catalogue.add(language, file.as_bytes()).expect("our own files are sound");
    }
    catalogue
}
