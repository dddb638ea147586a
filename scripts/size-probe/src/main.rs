//! Links every dependency of the daemon and calls it the way the daemon does, on bytes from a file and
//! from sockets. What it prints says that it ran; what it weighs stands in `docs/dependencies.md`.

mod codecs;
mod crypto;
mod kernel;
mod serve;
mod text;

fn main() {
    // What `panic = "abort"` needs so that a router in the field can say where: file and line, no more.
    #[cfg(feature = "hook")]
    std::panic::set_hook(Box::new(|panic| {
        if let Some(place) = panic.location() {
            eprintln!("panic at {}:{}", place.file(), place.line());
        }
    }));
    let (file, serve) = text::arguments();
    let input = std::fs::read(&file).unwrap_or_default();
    // A mistake of ours that no compiler sees: the smoke test asks what a panic says.
    assert!(input.first() != Some(&0xff), "the input begins with 255");
    for (name, run) in PARTS {
        println!("{name}: {}", run(&input));
    }
    if serve {
        serve::run();
    }
}

type Part = (&'static str, fn(&[u8]) -> String);

const PARTS: &[Part] = &[
    #[cfg(feature = "json")]
    ("json", codecs::json),
    #[cfg(feature = "cbor")]
    ("cbor", codecs::cbor),
    #[cfg(feature = "binary")]
    ("binary", codecs::binary),
    #[cfg(feature = "ubus")]
    ("ubus", codecs::ubus),
    #[cfg(feature = "sign")]
    ("sign", crypto::sign),
    #[cfg(feature = "noise")]
    ("noise", crypto::noise),
    #[cfg(feature = "hash")]
    ("hash", crypto::hash),
    #[cfg(feature = "compare")]
    ("compare", crypto::compare),
    #[cfg(feature = "random")]
    ("random", crypto::random),
    #[cfg(feature = "secrets")]
    ("secrets", crypto::secrets),
    #[cfg(feature = "netlink")]
    ("netlink", kernel::netlink),
    #[cfg(feature = "wifi")]
    ("wifi", kernel::wifi),
    #[cfg(feature = "nix")]
    ("nix", kernel::sockets),
    #[cfg(feature = "wire")]
    ("wire", kernel::wire),
    #[cfg(feature = "pages")]
    ("pages", text::page),
    #[cfg(feature = "qr")]
    ("qr", text::code),
    #[cfg(feature = "log")]
    ("log", text::logged),
];
