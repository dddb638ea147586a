#!/usr/bin/env python3
"""Cuts what a kernel never loads off a program: python3 scripts/trim_elf.py FILE...

The linker strips symbols, but keeps the section headers and, on MIPS, .pdr: 24 octets a function for a debugger,
a tenth of the daemon. Kernel, musl and procd's jail read the program headers only.
"""

import os
import struct
import sys
from pathlib import Path

PT_LOAD = 1
# By word size (e_ident[4]): where the fields of the file's header and of a program's header lie.
LAYOUTS = {
    1: {"header": 52, "phoff": (28, "I"), "shoff": (32, "I"), "sizes": 42, "offset": 4, "filesz": 16, "word": "I"},
    2: {"header": 64, "phoff": (32, "Q"), "shoff": (40, "Q"), "sizes": 54, "offset": 8, "filesz": 32, "word": "Q"},
}


def trim(program):
    """The same program without its sections' names, headers and what no segment holds."""
    if program[:4] != b"\x7fELF" or program[4] not in LAYOUTS or program[5] not in (1, 2):
        raise ValueError("is no ELF program")
    layout, order = LAYOUTS[program[4]], "<" if program[5] == 1 else ">"

    def read(at, kind):
        return struct.unpack_from(order + kind, program, at)[0]

    size, count = read(layout["sizes"], "H"), read(layout["sizes"] + 2, "H")
    first = read(*layout["phoff"])
    end = max(layout["header"], first + size * count)
    loaded = 0
    for at in range(first, first + size * count, size):
        loaded += read(at, "I") == PT_LOAD
        end = max(end, read(at + layout["offset"], layout["word"]) + read(at + layout["filesz"], layout["word"]))
    if not loaded or end > len(program):
        raise ValueError("has no whole program in it")
    out = bytearray(program[:end])
    struct.pack_into(order + layout["shoff"][1], out, layout["shoff"][0], 0)
    struct.pack_into(order + "HH", out, layout["sizes"] + 6, 0, 0)  # section headers: none, and no names
    return bytes(out)


def main():
    for name in sys.argv[1:]:
        path = Path(name)
        try:
            trimmed = trim(path.read_bytes())
        except (OSError, ValueError, struct.error) as why:
            sys.exit(f"stop: {path}: {why}")
        # Beside and renamed: never half a program, and the linker's own file keeps its name elsewhere.
        beside = path.with_name(path.name + ".trimmed")
        beside.write_bytes(trimmed)
        beside.chmod(path.stat().st_mode)
        os.replace(beside, path)


if __name__ == "__main__":
    main()
