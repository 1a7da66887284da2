"""Seccomp: a filter over system calls, assembled by hand because it is a page long.

Three answers: allowed, refused with EPERM, killed. `assemble` is pure, so that tests can run the
program for an architecture that is not this one.
Source: Linux, Documentation/userspace-api/seccomp_filter.rst; include/uapi/linux/{filter,seccomp,audit}.h.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Iterable

from pratique.edge.vetting.kernel import architecture, syscall
from pratique.edge.vetting.syscalls import ALLOWED, DEADLY, NOT_EXECUTABLE, NUMBERS, OFFLINE

ALLOW = 0x7FFF_0000
REFUSE = 0x0005_0000 | errno.EPERM
KILL = 0x8000_0000

LOAD_WORD, JUMP_EQUAL, JUMP_GREATER_EQUAL, JUMP_SET, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06

_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16
"""Offsets in `struct seccomp_data`; argument n at 16 + 8n, its low word first on both architectures."""

_AUDIT_ARCH = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
_X32_BIT = 0x4000_0000
"""Numbers from here on are another table of calls, which this filter does not know."""

_PROT_EXEC = 4
_AF_UNIX = 1
_F_DUPFD_CLOEXEC = 1030
_SET_MODE_FILTER = 1
_FLAG_SPEC_ALLOW = 4
"""Leave speculation alone: it protects a process against itself only, and slows it by a third where
kernels before 5.16 switch the mitigation on."""

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, constant."""


def assemble(arch: str, *, pid: int) -> tuple[Instruction, ...]:
    """The filter for a process with this id. Raises: KeyError for an architecture without a table."""
    numbers = NUMBERS[arch]
    program: list[Instruction] = [
        (LOAD_WORD, 0, 0, _ARCH_AT),
        (JUMP_EQUAL, 1, 0, _AUDIT_ARCH[arch]),
        (RETURN, 0, 0, KILL),
        (LOAD_WORD, 0, 0, _NUMBER_AT),
        (JUMP_GREATER_EQUAL, 0, 1, _X32_BIT),
        (RETURN, 0, 0, KILL),
    ]
    # In front what is called most; kernels since 5.11 remember constant answers anyway.
    program += _constant(ALLOWED, numbers, ALLOW)
    for name in sorted(NOT_EXECUTABLE):
        program += _without_exec(numbers[name])
    # To itself, so that abort() ends with its own signal; its own limits, which it cannot raise
    # above the hard ones; a duplicate of a descriptor, which mapping a file makes.
    program += _only(numbers["tgkill"], argument=0, value=pid, otherwise=KILL)
    program += _only(numbers["prlimit64"], argument=0, value=0, otherwise=REFUSE)
    program += _only(numbers["fcntl"], argument=1, value=_F_DUPFD_CLOEXEC, otherwise=REFUSE)
    program += _constant(DEADLY, numbers, KILL)
    program.append((RETURN, 0, 0, REFUSE))
    return tuple(program)


def assemble_offline(arch: str) -> tuple[Instruction, ...]:
    """The filter for a process that talks over UNIX sockets it listens on, and starts no program.

    Everything else is allowed. Raises: KeyError for an architecture without a table.
    """
    numbers = NUMBERS[arch]
    program: list[Instruction] = [
        (LOAD_WORD, 0, 0, _ARCH_AT),
        (JUMP_EQUAL, 1, 0, _AUDIT_ARCH[arch]),
        (RETURN, 0, 0, KILL),
        (LOAD_WORD, 0, 0, _NUMBER_AT),
        (JUMP_GREATER_EQUAL, 0, 1, _X32_BIT),
        (RETURN, 0, 0, KILL),
    ]
    for name in ("socket", "socketpair"):
        program += _only(numbers[name], argument=0, value=_AF_UNIX, otherwise=REFUSE)
    program += _constant(OFFLINE, numbers, REFUSE)
    program.append((RETURN, 0, 0, ALLOW))
    return tuple(program)


def _constant(names: Iterable[str], numbers: dict[str, int], answer: int) -> list[Instruction]:
    """One answer for these calls; those that the architecture does not have are left out."""
    found: list[Instruction] = []
    for number in sorted(numbers[name] for name in names if name in numbers):
        found += [(JUMP_EQUAL, 0, 1, number), (RETURN, 0, 0, answer)]
    return found


def _without_exec(number: int) -> list[Instruction]:
    """Protection is the third argument of mmap and mprotect."""
    return [
        (JUMP_EQUAL, 0, 4, number),
        (LOAD_WORD, 0, 0, _ARGUMENTS_AT + 2 * 8),
        (JUMP_SET, 0, 1, _PROT_EXEC),
        (RETURN, 0, 0, REFUSE),
        (RETURN, 0, 0, ALLOW),
    ]


def _only(number: int, *, argument: int, value: int, otherwise: int) -> list[Instruction]:
    """Allowed when an argument has this value in its low word."""
    return [
        (JUMP_EQUAL, 0, 4, number),
        (LOAD_WORD, 0, 0, _ARGUMENTS_AT + argument * 8),
        (JUMP_EQUAL, 0, 1, value),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, otherwise),
    ]


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def install(*, pid: int) -> None:
    """Filter this process from now on. Needs no_new_privs. Raises: OSError, also without a table."""
    _install(assemble(_known_architecture(), pid=pid))


def install_offline() -> None:
    """Filter with `assemble_offline`. Needs no_new_privs. Raises: OSError, also without a table."""
    _install(assemble_offline(_known_architecture()))


def _known_architecture() -> str:
    arch = architecture()
    if arch not in NUMBERS:
        raise OSError(errno.ENOSYS, f"no table of system calls for {arch}")
    return arch


def _install(instructions: tuple[Instruction, ...]) -> None:
    arch = _known_architecture()
    packed = b"".join(struct.pack("=HBBI", *one) for one in instructions)
    held = ctypes.create_string_buffer(packed, len(packed))
    program = _Program(len(instructions), ctypes.cast(held, ctypes.c_void_p))
    number = NUMBERS[arch]["seccomp"]
    for flags in (_FLAG_SPEC_ALLOW, 0):
        try:
            syscall(
                number,
                ctypes.c_int(_SET_MODE_FILTER),
                ctypes.c_int(flags),
                ctypes.cast(ctypes.byref(program), ctypes.c_void_p),
            )
        except OSError as error:
            if flags == 0 or error.errno != errno.EINVAL:
                raise
        else:
            return
