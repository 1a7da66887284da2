"""Replay of the breach: what a poisoned process gets with one stolen lease, and with one bearer token.

Run: .venv/bin/python benchmarks/custody_breach.py [--small]
The same as `pratique drill breach`, larger: attackers try everything at a real door and a real broker;
what they hold in plaintext is counted beside the bound that was printed before they began.
"""

from __future__ import annotations

from harness import Report, arguments, run_main, scratch
from pratique.doors.cli.drill_breach import run_breach

MIB = 1 << 20


def main() -> int:
    options = arguments(__doc__ or "")
    report = Report(
        name="custody_breach",
        small=options.small,
        columns=("who", "has", "bound MiB", "got MiB", "of everything"),
    )
    with scratch() as folder:
        found = run_breach(folder, objects=8 if options.small else 96, budget=2 * MIB)
    for one in (found.plain, *found.attackers):
        share = f"{100 * one.got / found.all_bytes:.2f} %"
        report.row(one.name, one.holds, f"{one.bound / MIB:g}", f"{one.got / MIB:g}", share)
    for one in found.attackers:
        report.at_most(f"{one.name}: bytes beyond the bound", max(0, one.got - one.bound), 0)
    missed = found.all_bytes - found.plain.got
    report.at_most("bearer access: bytes that it did not get", missed, 0)
    report.at_most("attackers who got nothing to begin with", found.attackers[0].got == 0, 0)
    report.notes.append(
        f"{found.all_bytes / MIB:,.0f} MiB of three clients; every lease in the wrong hands: "
        f"{found.worst_case / MIB:,.0f} MiB (the number that the console prints)"
    )
    return report.finish()


if __name__ == "__main__":
    run_main(main)
