"""Runs a program as if the kernel had been built without a kind of socket.

without.py DOMAIN PROTOCOL ERRNO PROGRAM [ARGUMENT...]     PROTOCOL -1 is any

A seccomp filter answers socket(DOMAIN, *, PROTOCOL) with ERRNO; everything else goes on as it is.
"""

import ctypes
import os
import platform
import struct
import sys

LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, FAIL = 0x7FFF0000, 0x00050000
SOCKET = {"x86_64": 41, "aarch64": 198, "armv7l": 281}[platform.machine()]
NUMBER_AT, FIRST_ARGUMENT_AT = 0, 16


def argument(index):
    return FIRST_ARGUMENT_AT + 8 * index + (4 if sys.byteorder == "big" else 0)


def main():
    domain, protocol, errno = (int(word) for word in sys.argv[1:4])
    checks = [(NUMBER_AT, SOCKET), (argument(0), domain)]
    if protocol >= 0:
        checks.append((argument(2), protocol))
    code = []
    for index, (at, value) in enumerate(checks):
        # What does not fit jumps over the rest and over the refusal.
        code += [(LOAD, 0, 0, at), (EQUAL, 0, 2 * (len(checks) - index - 1) + 1, value)]
    code += [(RETURN, 0, 0, FAIL | errno), (RETURN, 0, 0, ALLOW)]
    text = b"".join(struct.pack("=HBBI", *line) for line in code)
    buffer = ctypes.create_string_buffer(text, len(text))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    program = Program(len(code), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privs, set_seccomp, mode_filter = 38, 22, 2
    if libc.prctl(no_new_privs, 1, 0, 0, 0) or libc.prctl(set_seccomp, mode_filter, ctypes.byref(program), 0, 0):
        sys.exit(f"no seccomp here: {os.strerror(ctypes.get_errno())}")
    os.execv(sys.argv[4], sys.argv[4:])


main()
