"""`python -m evals.popular`: write the shipped list of popular names from published wheels at hand.

Method: every wheel in `PRATIQUE_EVALS_SOURCES` names what it requires (extras and markers included). A
name's weight is the number of distinct projects that require it; projects of the benign lists and of
`top-names.txt` that nobody requires are listed with weight 0. Names of the malicious list are left out
unless two or more projects require them. The list says from how many wheels it was made, and a hash of
their names.
"""

from __future__ import annotations

import email.parser
import hashlib
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from packaging.utils import canonicalize_name
from rich.progress import track

from evals import places
from evals.choose import malicious_projects
from evals.lists import load_archives, project_of, rows

TARGET = places.ROOT / "src" / "pratique" / "vet" / "data" / "popular.json"
MOST = 3000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")


def required_by(wheel: Path) -> set[str]:
    """Normalised names that a wheel's metadata requires."""
    with zipfile.ZipFile(wheel) as opened:
        inner = [
            name
            for name in opened.namelist()
            if name.count("/") == 1 and name.endswith(".dist-info/METADATA")
        ]
        text = opened.read(inner[0]).decode("utf-8", "replace") if inner else ""
    said = email.parser.HeaderParser().parsestr(text).get_all("Requires-Dist") or []
    names = {matched[0] for line in said if (matched := _NAME.match(line.strip()))}
    return {canonicalize_name(name) for name in names}


def weigh(wheels: Iterable[Path], known: Iterable[str] = ()) -> dict[str, int]:
    """In-degree of every name; a project that is known, and that nobody requires, has 0."""
    edges = {(project_of(wheel.name), name) for wheel in wheels for name in required_by(wheel)}
    counted = Counter(name for project, name in edges if name != project)
    for project in (*known, *(project for project, _ in edges)):
        counted.setdefault(project, 0)
    return dict(counted)


def render(weights: dict[str, int], *, leave_out: set[str], source: str) -> str:
    """The list as JSON: heaviest first, then by name."""
    kept = {name: n for name, n in weights.items() if n > 1 or name not in leave_out}
    ranked = sorted(kept.items(), key=lambda item: (-item[1], item[0]))[:MOST]
    value = {
        "what": "names that other projects depend on, with how many distinct projects require them",
        "method": "evals/popular.py: Requires-Dist, extras included, of published wheels; 0: known",
        "source": source,
        "names": dict(ranked),
    }
    return json.dumps(value, indent=0, ensure_ascii=True) + "\n"


def command() -> int:
    """Write the list."""
    wheels = sorted(
        {path.name: path for f in places.sources() for path in f.rglob("*.whl")}.items()
    )
    if not wheels:
        raise places.EvalsError(
            "expected wheels below PRATIQUE_EVALS_SOURCES; to do: name such folders"
        )
    names = "\n".join(name for name, _ in wheels).encode()
    projects = {project_of(name) for name, _ in wheels}
    source = (
        f"{len(wheels)} wheels of {len(projects)} projects, November 2026,"
        f" sha256 of their sorted names {hashlib.sha256(names).hexdigest()}"
    )
    known = {archive.project for archive in load_archives().values()} | projects
    known |= {line[0] for line in rows(places.LISTS / "top-names.txt")}
    weights = weigh(track([path for _, path in wheels], "reading metadata"), sorted(known))
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(render(weights, leave_out=malicious_projects(), source=source), "utf-8")
    print(f"{TARGET.relative_to(places.ROOT)}: {len(weights)} names from {source}")
    return 0


if __name__ == "__main__":
    places.main(command)
