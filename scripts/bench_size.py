#!/usr/bin/env python3
"""Weighs the daemon: python3 scripts/bench_size.py [mips|mipsel|armv7|aarch64|x86_64|sdk...]

Builds what is named (all of it without words), prints a table, writes target/bench/size.json and fails beyond a limit.
"sdk" is MIPS with the flags that OpenWrt's SDK puts in place of ours.
"""

import json
import lzma
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

sys.dont_write_bytecode = True
import package  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
# The processor -> its target.
TARGETS = {target.split("-")[0]: target for target in tomllib.loads((ROOT / "cross.toml").read_text())["target"]}
# Flash pays for what is after xz, the package's download for raw. Beyond `limit` this fails; `aim` is where we want to be.
LIMITS = {"mips.bin.raw": 2_200_000, "mips.bin.xz": 650_000}
AIMS = {"mips.bin.raw": 1_900_000, "mips.bin.xz": 580_000}


def squeezed(content):
    """As `xz -9e` does it; squashfs of a router is xz too."""
    return len(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME))


def built(arch, folder, **environment):
    subprocess.run(["scripts/cross.sh", arch], cwd=ROOT, env=os.environ | environment, check=True, stdout=sys.stderr)
    return ROOT / folder / TARGETS[arch] / "release/tequio"


def weigh(what):
    """Figure -> octets."""
    if what == "sdk":
        content = built("mips", "target/cross-sdk", FLAGS="sdk").read_bytes()
        return {"mips.sdk.raw": len(content), "mips.sdk.xz": squeezed(content)}
    content = built(what, "target/cross").read_bytes()
    name = next(name for name, (target, _) in package.ARCHITECTURES.items() if target == TARGETS[what])
    with tempfile.TemporaryDirectory() as feed:
        subprocess.run(["scripts/package.py", name, "--out", feed], cwd=ROOT, check=True, stdout=sys.stderr)
        ipk = next(Path(feed).glob("tequio_*.ipk")).stat().st_size
    return {f"{what}.bin.raw": len(content), f"{what}.bin.xz": squeezed(content), f"{what}.ipk": ipk}


def main():
    words = sys.argv[1:] or [*TARGETS, "sdk"]
    if unknown := [word for word in words if word not in TARGETS and word != "sdk"]:
        sys.exit(f"stop: there is no {unknown[0]}; there are {', '.join(TARGETS)} and sdk")
    figures = {}
    for number, word in enumerate(words, 1):
        print(f"bench-size: {number} of {len(words)}: {word}", file=sys.stderr, flush=True)
        figures |= weigh(word)
    out = ROOT / "target/bench/size.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"{'figure':<16}{'octets':>12}{'limit':>12}{'aim':>12}")
    for figure, octets in figures.items():
        limit, aim = (f"{table[figure]:,}" if figure in table else "" for table in (LIMITS, AIMS))
        print(f"{figure:<16}{octets:>12,}{limit:>12}{aim:>12}")
    beyond = [figure for figure, limit in LIMITS.items() if figures.get(figure, 0) > limit]
    if beyond:
        sys.exit(f"stop: beyond the limit: {', '.join(beyond)}")


if __name__ == "__main__":
    try:
        main()
    except (package.Stop, subprocess.CalledProcessError, OSError) as why:
        sys.exit(f"stop: {why}")
