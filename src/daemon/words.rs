//! Reads the portal's words: the files of the package, and those that the village dropped beside its keys.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::base::limit::{PORTAL_WORDS_BYTES, PORTAL_WORDS_FILES};
use crate::config::Config;
use crate::hotspot::portal::{Catalogue, Language};

/// All words that there are. What is wrong with a file is said in the log, and the rest of it counts.
pub(super) fn load(config: &Config) -> Catalogue {
    let mut catalogue = Catalogue::default();
    if let Some(hotspot) = &config.hotspot {
        read_folder(&hotspot.words, &mut catalogue);
        // Kept by an update of the system, and within the jail.
        read_folder(&config.node.state_dir.join("portal"), &mut catalogue);
    }
    catalogue
}

/// Files named like `pt.txt`, in the order of their names.
fn read_folder(folder: &Path, catalogue: &mut Catalogue) {
    // No folder, no files: Spanish is built in.
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).take(PORTAL_WORDS_FILES).collect();
    files.sort();
    for path in files {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).filter(|stem| stem.len() <= 3);
        let language = stem.and_then(Language::of_code);
        let (Some(language), Some("txt")) = (language, path.extension().and_then(|end| end.to_str())) else {
            continue;
        };
        match read(&path).map(|file| catalogue.add(language, &file)) {
            Ok(Ok(())) => {}
            Ok(Err(damage)) if damage.lines == 0 => {
                log::warn!("{} is not taken: {}", path.display(), damage.what);
            }
            Ok(Err(damage)) => log::warn!(
                "{}: {} lines are passed over; the first is line {}: {}",
                path.display(),
                damage.lines,
                damage.first,
                damage.what
            ),
            Err(error) => log::warn!("{} cannot be read: {error}", path.display()),
        }
    }
}

/// The file, and one octet more than it may have at most.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    // A pipe would be waited for.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(PORTAL_WORDS_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_file_is_a_language_and_what_is_no_file_of_words_harms_nobody() {
        let folder = std::env::temp_dir().join(format!("tequio-words-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("zz.txt")).unwrap();
        for (name, content) in [
            ("tzh.txt", "language = Bats'il k'op\nform.button = Ochan\nnonsense\n".as_bytes()),
            ("pt.txt~", b"form.button = Conectar"),
            ("pt-br.txt", b"form.button = Conectar"),
            ("readme.txt", b"form.button = x"),
            ("el.txt", &vec![b'\n'; 2 * PORTAL_WORDS_BYTES]),
        ] {
            std::fs::write(folder.join(name), content).unwrap();
        }
        let mut catalogue = Catalogue::default();
        read_folder(&folder, &mut catalogue);
        std::fs::remove_dir_all(&folder).unwrap();
        let tzeltal = Language::of_code("tzh").unwrap();
        assert_eq!(catalogue.languages(), [Language::ES, tzeltal]);
        assert_eq!(catalogue.words(tzeltal).text("form.button"), "Ochan");
        let before = catalogue.clone();
        read_folder(&folder, &mut catalogue);
        assert_eq!(catalogue, before, "a folder that is not there has no files");
    }

    #[test]
    fn the_package_s_files_are_read_without_a_complaint() {
        let mut catalogue = Catalogue::default();
        read_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/words"), &mut catalogue);
        assert_eq!(catalogue, crate::hotspot::portal::shipped::sorted());
    }
}
