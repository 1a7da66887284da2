"""The filter, run by a small machine of our own, for both architectures."""

from __future__ import annotations

import itertools
import re
import struct
from pathlib import Path

import pytest

from pratique.edge.vetting.seccomp import (
    ALLOW,
    JUMP_EQUAL,
    JUMP_GREATER_EQUAL,
    JUMP_SET,
    KILL,
    LOAD_WORD,
    REFUSE,
    RETURN,
    Instruction,
    assemble,
    assemble_offline,
)
from pratique.edge.vetting.syscalls import ALLOWED, DEADLY, NOT_EXECUTABLE, NUMBERS, OFFLINE

PID = 4242
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
CONDITIONAL = {"tgkill", "prlimit64", "fcntl"}
ARCHES = sorted(NUMBERS)


def run(program: tuple[Instruction, ...], arch: int, number: int, *arguments: int) -> int:
    """What the kernel would do with a call; jumps beyond the end fail."""
    six = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("<IIQ6Q", number, arch, 0, *six)
    at = accumulator = 0
    for _ in range(len(program)):
        code, if_true, if_false, constant = program[at]
        at += 1
        if code == RETURN:
            return constant
        if code == LOAD_WORD:
            (accumulator,) = struct.unpack_from("<I", data, constant)
            continue
        hit = {
            JUMP_EQUAL: accumulator == constant,
            JUMP_GREATER_EQUAL: accumulator >= constant,
            JUMP_SET: bool(accumulator & constant),
        }[code]
        at += if_true if hit else if_false
    raise AssertionError("the program does not end")


@pytest.mark.parametrize("arch", ARCHES)
def test_every_call_gets_the_answer_that_its_list_says(arch: str) -> None:
    program = assemble(arch, pid=PID)
    by_number = {number: name for name, number in NUMBERS[arch].items()}
    for number in range(600):
        name = by_number.get(number, "")
        if name in CONDITIONAL | NOT_EXECUTABLE:
            continue
        expected = ALLOW if name in ALLOWED else KILL if name in DEADLY else REFUSE
        assert run(program, AUDIT[arch], number) == expected, (number, name)


@pytest.mark.parametrize("arch", ARCHES)
def test_files_and_rights_are_refused(arch: str) -> None:
    program = assemble(arch, pid=PID)
    # openat, unlinkat, fchmodat, fchownat; open and stat exist on one of them only.
    files = {"x86_64": (257, 263, 268, 260, 2, 4, 437), "aarch64": (56, 35, 53, 54, 79, 437)}
    for number in files[arch]:
        assert run(program, AUDIT[arch], number) == REFUSE


@pytest.mark.parametrize("arch", ARCHES)
def test_memory_may_not_become_code(arch: str) -> None:
    program = assemble(arch, pid=PID)
    for name, protection in itertools.product(NOT_EXECUTABLE, range(8)):
        expected = REFUSE if protection & 4 else ALLOW
        assert run(program, AUDIT[arch], NUMBERS[arch][name], 0, 4096, protection) == expected


@pytest.mark.parametrize("arch", ARCHES)
def test_calls_that_depend_on_an_argument(arch: str) -> None:
    program, numbers, audit = assemble(arch, pid=PID), NUMBERS[arch], AUDIT[arch]
    assert run(program, audit, numbers["tgkill"], PID, PID, 6) == ALLOW
    assert run(program, audit, numbers["tgkill"], 1, 1, 9) == KILL
    assert run(program, audit, numbers["prlimit64"], 0) == ALLOW
    assert run(program, audit, numbers["prlimit64"], 1) == REFUSE
    assert run(program, audit, numbers["fcntl"], 3, 1030) == ALLOW
    assert run(program, audit, numbers["fcntl"], 3, 8) == REFUSE  # F_SETOWN


@pytest.mark.parametrize("arch", ARCHES)
def test_other_tables_of_calls_kill(arch: str) -> None:
    program = assemble(arch, pid=PID)
    read = NUMBERS[arch]["read"]
    assert run(program, AUDIT[arch], read) == ALLOW
    assert run(program, AUDIT[arch], read | 0x40000000) == KILL
    for other in ({*AUDIT.values()} - {AUDIT[arch]}) | {0x40000003, 0x40000028}:
        assert run(program, other, read) == KILL


def test_lists_are_apart_and_every_name_has_a_number_somewhere() -> None:
    assert not ALLOWED & DEADLY
    assert not (ALLOWED | DEADLY) & (NOT_EXECUTABLE | CONDITIONAL)
    known = set().union(*NUMBERS.values())
    assert known >= ALLOWED | DEADLY | NOT_EXECUTABLE | CONDITIONAL
    for arch in ARCHES:
        assert NUMBERS[arch].keys() >= NOT_EXECUTABLE | CONDITIONAL
        assert len(set(NUMBERS[arch].values())) == len(NUMBERS[arch])
        # A jump's offset has eight bits.
        assert all(t < 256 and f < 256 for _, t, f, _ in assemble(arch, pid=PID))


@pytest.mark.parametrize(
    ("arch", "header"),
    [
        ("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        ("aarch64", "/usr/include/asm-generic/unistd.h"),
    ],
)
def test_numbers_are_those_of_the_kernels_headers(arch: str, header: str) -> None:
    path = Path(header)
    if not path.exists():
        pytest.skip("no kernel headers on this machine")
    found = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", path.read_text()))
    ours = {name: str(number) for name, number in NUMBERS[arch].items()}
    assert ours == {name: found[name] for name in ours}


@pytest.mark.parametrize("arch", ARCHES)
def test_a_process_without_network_has_unix_sockets_only(arch: str) -> None:
    program, numbers = assemble_offline(arch), NUMBERS[arch]
    for family in range(48):
        for name in ("socket", "socketpair"):
            expected = ALLOW if family == 1 else REFUSE
            assert run(program, AUDIT[arch], numbers[name], family) == expected
    by_number = {number: name for name, number in numbers.items()}
    for number in range(600):
        name = by_number.get(number, "")
        if name in {"socket", "socketpair"}:
            continue
        assert run(program, AUDIT[arch], number) == (REFUSE if name in OFFLINE else ALLOW), name
    for foreign in (0, 0x40000003, *(set(AUDIT.values()) - {AUDIT[arch]})):
        assert run(program, foreign, numbers["read"]) == KILL
    assert run(program, AUDIT[arch], 0x40000000 + numbers["socket"], 2) == KILL
