#!/usr/bin/env python3
"""Makes OpenWrt's .ipk packages and the index of a feed, without OpenWrt's SDK.

    scripts/package.py ARCH [--binary PATH] [--out FOLDER]

What a package is stands in openwrt-package/*/Makefile, which the SDK reads too. The same tree gives the same bytes: entries
are sorted, owned by 0, and as old as SOURCE_DATE_EPOCH or the commit. What comes out is not signed.
"""

import argparse
import gzip
import hashlib
import io
import os
import re
import struct
import subprocess
import sys
import tarfile
from pathlib import Path

sys.dont_write_bytecode = True  # no folder of compiled files beside the scripts
import package_luci  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
FEED = ROOT / "openwrt-package"

# OpenWrt's name of a processor, the target of cross.toml that runs there, and what its ELF header says:
# word size (1: 32 bits, 2: 64), byte order (1: little, 2: big), machine.
MIPS, ARM, AARCH64, X86_64 = 8, 40, 183, 62
ARCHITECTURES = {
    "mips_24kc": ("mips-unknown-linux-musl", (1, 2, MIPS)),
    "mipsel_24kc": ("mipsel-unknown-linux-musl", (1, 1, MIPS)),
    "mipsel_74kc": ("mipsel-unknown-linux-musl", (1, 1, MIPS)),
    "arm_cortex-a7": ("armv7-unknown-linux-musleabihf", (1, 1, ARM)),
    "arm_cortex-a7_neon-vfpv4": ("armv7-unknown-linux-musleabihf", (1, 1, ARM)),
    "arm_cortex-a9_vfpv3-d16": ("armv7-unknown-linux-musleabihf", (1, 1, ARM)),
    "arm_cortex-a15_neon-vfpv4": ("armv7-unknown-linux-musleabihf", (1, 1, ARM)),
    "aarch64_generic": ("aarch64-unknown-linux-musl", (2, 1, AARCH64)),
    "aarch64_cortex-a53": ("aarch64-unknown-linux-musl", (2, 1, AARCH64)),
    "aarch64_cortex-a72": ("aarch64-unknown-linux-musl", (2, 1, AARCH64)),
    "x86_64": ("x86_64-unknown-linux-musl", (2, 1, X86_64)),
}

POSTINST = """#!/bin/sh
[ "${IPKG_NO_SCRIPT}" = "1" ] && exit 0
[ -s "${IPKG_INSTROOT}/lib/functions.sh" ] || exit 0
. "${IPKG_INSTROOT}/lib/functions.sh"
default_postinst "$0" "$@"
"""
PRERM = """#!/bin/sh
[ -s "${IPKG_INSTROOT}/lib/functions.sh" ] || exit 0
. "${IPKG_INSTROOT}/lib/functions.sh"
default_prerm "$0" "$@"
"""


class Stop(Exception):
    """A sentence for whoever runs this."""


class Recipe:
    """What a Makefile of the feed says about its package."""

    def __init__(self, folder):
        self.folder = folder
        self.name = folder.name
        self.text = (folder / "Makefile").read_text()

    def variable(self, name):
        found = re.search(rf"^\s*{re.escape(name)}:=(.*)$", self.text, re.M)
        if not found:
            raise Stop(f"{self.folder}/Makefile sets no {name}")
        return found[1].strip()

    def define(self, what):
        """The lines of `define Package/NAME/what`, or none."""
        name = f"Package/{self.name}" + (f"/{what}" if what else "")
        found = re.search(rf"^define {re.escape(name)}\n(.*?)^endef$", self.text, re.M | re.S)
        return found[1].replace("$$", "$").splitlines() if found else []

    def field(self, name):
        for line in self.define(""):
            if line.strip().startswith(f"{name}:="):
                return line.split(":=", 1)[1].strip()
        raise Stop(f"{self.folder}/Makefile has no {name}")

    def files(self, binary):
        """What `Package/NAME/install` puts where: path -> (mode, bytes)."""
        modes = {"BIN": 0o755, "DATA": 0o644, "CONF": 0o600}
        files = {}
        for line in self.define("install"):
            words = line.split()
            if words[:1] == ["$(INSTALL_DIR)"]:
                continue  # the folders of files come by themselves
            verb = re.fullmatch(r"\$\(INSTALL_(BIN|DATA|CONF)\)", words[0]) if len(words) == 3 else None
            if not verb or not words[2].startswith("$(1)/"):
                raise Stop(f"{self.folder}/Makefile: this tool does not know the line {line.strip()!r}")
            source = binary if words[1].startswith("$(PKG_INSTALL_DIR)/bin/") else self.folder / words[1]
            files[words[2].removeprefix("$(1)/")] = (modes[verb[1]], source.read_bytes())
        return files


def depends(text):
    """`+name` is needed on the router; what begins with @ or $ decides whether it is built at all."""
    return [word[1:] for word in text.split() if word.startswith("+")]


def tar(files, when):
    """A GNU tar of {path: (mode, bytes)} with its folders, sorted, as `tar --sort=name .` would."""
    folders = {"."}
    for path in files:
        folders.update(f"./{parent}" for parent in Path(path).parents if str(parent) != ".")
    entries = [(folder, 0o755, None) for folder in folders]
    entries += [(f"./{path}", mode, content) for path, (mode, content) in files.items()]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, mode, content in sorted(entries, key=lambda entry: entry[0].split("/")):
            archive.addfile(*entry(name + ("/" if content is None else ""), mode, content, when))
    return out.getvalue()


def entry(name, mode, content, when):
    info = tarfile.TarInfo(name)
    info.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
    info.mode, info.mtime, info.size = mode, when, len(content or b"")
    return info, io.BytesIO(content or b"")


def squeeze(content):
    out = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=out, mtime=0) as file:
        file.write(content)
    return out.getvalue()


def ipk(control, description, scripts, files, conffiles, when):
    """The package's bytes, and its control text as the index wants it."""
    files = dict(files)
    # What a sysupgrade shall keep: files of the package as conffiles, all else in a list of its own.
    kept = [path for path in conffiles if path.lstrip("/") in files]
    others = [path for path in conffiles if path not in kept]
    if others:
        listed = "".join(f"{path}\n" for path in others).encode()
        files[f"lib/upgrade/keep.d/{control['Package']}"] = (0o644, listed)
    data = tar(files, when)
    control = dict(control) | {"Installed-Size": str(len(data))}
    text = "".join(f"{name}: {value}\n" for name, value in control.items() if value)
    text += "Description: " + "\n".join(" " + line.strip() for line in description).lstrip() + "\n"
    meta = {name: (0o755, script.encode()) for name, script in scripts.items()}
    meta["control"] = (0o644, text.encode())
    if kept:
        meta["conffiles"] = (0o644, "".join(f"{path}\n" for path in kept).encode())
    outer = io.BytesIO()
    with tarfile.open(fileobj=outer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(*entry("./debian-binary", 0o644, b"2.0\n", when))
        archive.addfile(*entry("./data.tar.gz", 0o644, squeeze(data), when))
        archive.addfile(*entry("./control.tar.gz", 0o644, squeeze(tar(meta, when)), when))
    return squeeze(outer.getvalue()), text


def tequio(arch, binary, when):
    """The daemon's package: file name, bytes, control text."""
    recipe = Recipe(FEED / "tequio")
    version = recipe.variable("PKG_VERSION")
    built = re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.M)[1]
    if built != version:
        raise Stop(f"openwrt-package/tequio/Makefile says version {version}, Cargo.toml {built}")
    control = {
        "Package": recipe.name,
        "Version": f"{version}-r{recipe.variable('PKG_RELEASE')}",
        "Depends": ", ".join(depends(recipe.field("DEPENDS"))),
        "License": recipe.variable("PKG_LICENSE"),
        "Section": recipe.field("SECTION"),
        "SourceDateEpoch": str(when),
        "Architecture": arch,
    }
    scripts = {"postinst": POSTINST, "prerm": PRERM}
    for what in ("postinst", "prerm"):
        if lines := recipe.define(what):
            scripts[f"{what}-pkg"] = "\n".join(lines) + "\n"
    content, text = ipk(
        control, recipe.define("description"), scripts, recipe.files(binary), recipe.define("conffiles"), when
    )
    return f"{recipe.name}_{control['Version']}_{arch}.ipk", content, text


def luci(when):
    """The pages of LuCI and their translations, if they are there: file name, bytes, control text of each."""
    folder = FEED / "luci-app-tequio"
    if not folder.is_dir():
        return
    daemon, pages = Recipe(FEED / "tequio"), Recipe(folder)
    version = f"{daemon.variable('PKG_VERSION')}-r{daemon.variable('PKG_RELEASE')}"
    title, license_name = pages.variable("LUCI_TITLE"), pages.variable("PKG_LICENSE")
    for name, needs, about, files in package_luci.packages(folder, title, depends(pages.variable("LUCI_DEPENDS"))):
        control = {
            "Package": name,
            "Version": version,
            "Depends": ", ".join(needs),
            "License": license_name,
            "Section": "luci",
            "SourceDateEpoch": str(when),
            "Architecture": "all",
        }
        scripts = {"postinst": POSTINST, "prerm": PRERM, "postinst-pkg": package_luci.POSTINST}
        content, text = ipk(control, [about], scripts, files, [], when)
        yield f"{name}_{version}_all.ipk", content, text


def index(packages):
    """`Packages`: each control text, with the file's name and sum before the description."""
    parts = []
    for file, content, text in packages:
        facts = f"Filename: {file}\nSize: {len(content)}\nSHA256sum: {hashlib.sha256(content).hexdigest()}\n"
        head, description = text.split("Description: ", 1)
        parts.append(f"{head}{facts}Description: {description}\n")
    return "".join(parts).encode()


def the_binary(arch, given):
    """The program to pack, if it runs on that processor."""
    target, elf = ARCHITECTURES[arch]
    binary = Path(given) if given else ROOT / "target/cross" / target / "release/tequio"
    if not binary.is_file():
        if given:
            raise Stop(f"there is no {binary}")
        made = target.split("-")[0]
        raise Stop(f"there is no {binary.relative_to(ROOT)}: `make cross-{made}` builds it, or say BINARY=path")
    head = binary.read_bytes()[:20]
    order = ">" if head[5:6] == b"\x02" else "<"
    if head[:4] != b"\x7fELF" or (head[4], head[5], struct.unpack(f"{order}H", head[18:20])[0]) != elf:
        raise Stop(f"{binary} is no program for {arch}")
    return binary


def time_of_the_sources():
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        if not given.isdecimal():
            raise Stop(f"SOURCE_DATE_EPOCH is {given!r}, not a number of seconds")
        return int(given)
    asked = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True)
    if asked.returncode != 0:
        raise Stop("this is no git tree: say how old the sources are by SOURCE_DATE_EPOCH=seconds")
    return int(asked.stdout)


def main():
    parser = argparse.ArgumentParser(description="Makes OpenWrt's packages, without its SDK.")
    parser.add_argument("arch", nargs="?", help=", ".join(ARCHITECTURES))
    parser.add_argument("--binary", help="the program to pack, instead of what make cross-* has built")
    parser.add_argument("--out", help="folder of the feed (target/packages/ARCH)")
    words = parser.parse_args()
    if words.arch not in ARCHITECTURES:
        raise Stop(f"ARCH is one of {', '.join(ARCHITECTURES)} (on the router: opkg print-architecture)")
    when = time_of_the_sources()
    packages = [tequio(words.arch, the_binary(words.arch, words.binary), when), *luci(when)]
    packages.sort(key=lambda package: package[0])
    out = Path(words.out) if words.out else ROOT / "target/packages" / words.arch
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.ipk"):
        old.unlink()
    listed = index(packages)
    written = {file: content for file, content, _ in packages}
    written |= {"Packages": listed, "Packages.gz": squeeze(listed)}
    for file, content in written.items():
        (out / file).write_bytes(content)
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {file}\n" for file, content in sorted(written.items()))
    (out / "sha256sums").write_text(sums)
    for file, content, _ in packages:
        print(f"{out / file}: {len(content)} bytes")


if __name__ == "__main__":
    try:
        main()
    except Stop as why:
        sys.exit(f"stop: {why}")
    except OSError as why:
        sys.exit(f"stop: {why}")
