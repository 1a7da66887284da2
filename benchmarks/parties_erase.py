"""Somebody of 40,000 people is erased: all others are sealed with a new key, and the old one is destroyed.

The store itself is asked, as `pratique people erase` does, files and syncs included.

Run: .venv/bin/python benchmarks/parties_erase.py [--small]
Bars: one second; nobody else is lost, and nobody erased is left.
"""

from __future__ import annotations

import time

from harness import Report, arguments, run_main, scratch
from pratique.ledger.entries import Draft
from pratique.store.people import Person, open_people

PEOPLE, SMALL_PEOPLE = 40_000, 2_000
ENTRY = Draft(kind="erasure", subject="person:p", actor="operator:bench", body={"reason": "asked"})
ROUNDS = 5


def person(number: int) -> Person:
    contact = f"somebody-{number}@mail.example"
    return Person(pseudonym=f"p-{number}", group="interviewees", contact=contact)


def main() -> int:
    options = arguments(__doc__ or "")
    count = SMALL_PEOPLE if options.small else PEOPLE
    report = Report(
        name="parties_erase", small=options.small, columns=("round", "wall s", "CPU s"),
    )  # fmt: skip
    worst = 0.0
    with scratch() as folder, open_people(folder) as people:
        people.add_all([person(number) for number in range(count)])
        for number in range(ROUNDS):
            began, before = time.perf_counter(), time.process_time()
            people.erase(f"p-{number}", ENTRY)
            wall, cpu = time.perf_counter() - began, time.process_time() - before
            worst = max(worst, wall)
            report.row(str(number + 1), wall, cpu)
        wanted = {person(number) for number in range(ROUNDS, count)}
        found = set(people.group("interviewees"))
    report.at_most("erasing one, wall (worst round)", worst, 1, " s")
    report.at_most("erased people that are left", len(found - wanted), 0)
    report.at_most("others that were lost", len(wanted - found), 0)
    report.notes.append(f"{count:,} people of one group")
    return report.finish()


if __name__ == "__main__":
    run_main(main)
