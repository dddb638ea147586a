//! What people see: arguments, log lines, pages, QR codes.

/// The input file, and whether to serve.
#[cfg(feature = "args")]
pub(crate) fn arguments() -> (String, bool) {
    use lexopt::prelude::*;

    let (mut file, mut serve) = (String::new(), false);
    let mut parser = lexopt::Parser::from_env();
    let mut read = || -> Result<(), lexopt::Error> {
        while let Some(argument) = parser.next()? {
            match argument {
                Short('s') | Long("serve") => serve = true,
                Long("file") => file = parser.value()?.string()?,
                Value(value) => file = value.string()?,
                other => return Err(other.unexpected()),
            }
        }
        Ok(())
    };
    if let Err(error) = read() {
        eprintln!("{error}");
    }
    (file, serve)
}

#[cfg(not(feature = "args"))]
pub(crate) fn arguments() -> (String, bool) {
    (std::env::args().nth(1).unwrap_or_default(), std::env::args().nth(2).is_some())
}

#[cfg(feature = "log")]
pub(crate) fn logged(input: &[u8]) -> String {
    struct Sink;
    impl log::Log for Sink {
        fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
            metadata.level() <= log::max_level()
        }
        fn log(&self, record: &log::Record<'_>) {
            if self.enabled(record.metadata()) {
                eprintln!("{} {}: {}", record.level(), record.target(), record.args());
            }
        }
        fn flush(&self) {}
    }
    let set = log::set_logger(&Sink).is_ok();
    log::set_max_level(if input.is_empty() { log::LevelFilter::Info } else { log::LevelFilter::Trace });
    log::info!("{} bytes of input", input.len());
    format!("{set}")
}

#[cfg(feature = "pages")]
pub(crate) fn page(input: &[u8]) -> String {
    use askama::Template;

    #[derive(Template)]
    #[template(
        source = "<!doctype html><title>{{ community }}</title>{% if wrong %}<p>{{ code }}</p>{% endif %}\
                  <ul>{% for service in services %}<li><a href=\"{{ service.1 }}\">{{ service.0 }}</a>{% endfor %}</ul>",
        ext = "html"
    )]
    struct Portal<'a> {
        community: &'a str,
        code: &'a str,
        wrong: bool,
        services: Vec<(&'a str, &'a str)>,
    }
    #[derive(Template)]
    #[template(source = "<p>{{ remaining_s }} s, {{ bytes }} B for {{ name }}</p>", ext = "html")]
    struct Status<'a> {
        remaining_s: u32,
        bytes: u64,
        name: &'a str,
    }
    let text = String::from_utf8_lossy(input);
    let services = text.lines().filter_map(|line| line.split_once(' ')).collect();
    let portal = Portal { community: &text, code: &text, wrong: text.len() > 3, services }.render();
    let status = Status { remaining_s: input.len() as u32, bytes: input.len() as u64, name: &text }.render();
    format!("{:?} {:?}", portal.map(|page| page.len()).ok(), status.map(|page| page.len()).ok())
}

#[cfg(feature = "qr")]
pub(crate) fn code(input: &[u8]) -> String {
    use qrcodegen::{QrCode, QrCodeEcc};

    let text = String::from_utf8_lossy(&input[..input.len().min(100)]).into_owned();
    let Ok(code) = QrCode::encode_text(&text, QrCodeEcc::Medium) else { return String::new() };
    let size = code.size();
    let dark = (0..size).flat_map(|y| (0..size).map(move |x| (x, y))).filter(|&(x, y)| code.get_module(x, y)).count();
    format!("{size} {dark}")
}
