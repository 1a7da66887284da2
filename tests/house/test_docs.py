"""The pages say what the code says: commands, settings, errors, rules, words, links."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import click
import msgspec
import pytest
from packaging.requirements import Requirement

from pratique.doors.cli import _COMMANDS, cli
from pratique.settings import _ENVIRONMENT, IssuerSettings, Settings
from pratique.vet.verdict import rules_by_name

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SOURCE = ROOT / "src" / "pratique"


@cache
def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next one of the same level."""
    level = heading.partition(" ")[0]
    start = f"\n{heading}\n"
    assert start in text, f"no section {heading!r}"
    return text.split(start)[1].split(f"\n{level} ", maxsplit=1)[0]


# ── commands ─────────────────────────────────────────────────────────────────────────────────


def command(*path: str) -> click.Command:
    found: click.Command = cli
    for name in path:
        assert isinstance(found, click.Group)
        inner = found.get_command(click.Context(found), name)
        assert inner is not None
        found = inner
    return found


@pytest.mark.parametrize("name", sorted(_COMMANDS))
def test_every_command_has_its_section_with_the_same_words(name: str) -> None:
    text = section(page("reference/cli.md"), f"## `pratique {name}`")
    assert text.strip().splitlines()[0] == _COMMANDS[name][1]
    top = command(name)
    if isinstance(top, click.Group):
        for sub in top.list_commands(click.Context(top)):
            inner = section(text, f"### `pratique {name} {sub}`")
            assert_described(inner, command(name, sub), f"{name} {sub}")
    else:
        assert_described(text, top, name)


def assert_described(text: str, described: click.Command, name: str) -> None:
    """Every option, with the help it shows on the command line, and every argument."""
    for parameter in described.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            longest = max(parameter.opts, key=len)
            assert f"`{longest}" in text, f"pratique {name} {longest}"
        elif isinstance(parameter, click.Argument):
            assert parameter.human_readable_name in text, f"pratique {name}: {parameter.name}"


def test_no_page_names_a_command_that_does_not_exist() -> None:
    for path in markdown():
        for name in re.findall(r"\bpratique ([a-z]+)(?= |`|\n)", code_of(path)):
            assert name in _COMMANDS, f"{path.relative_to(ROOT)}: pratique {name}"


def code_of(path: Path) -> str:
    """Code blocks and inline code of a page, where a word after `pratique` is a command."""
    text = path.read_text("utf-8")
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    inline = re.findall(
        r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    )
    lines = [line for block in blocks for line in block.splitlines()]
    calls = [re.sub(r"^(\$ )?(\.venv/bin/)?", "", text) for text in lines + inline]
    return "\n".join(f"{call} " for call in calls if call.startswith("pratique "))


# ── settings ─────────────────────────────────────────────────────────────────────────────────


def tables() -> list[tuple[str, Any]]:
    fields = {f.name: f.type for f in msgspec.structs.fields(Settings)}
    return [
        ("## `[door]`", fields["door"]),
        ("## `[storage]`", fields["storage"]),
        ("## `[vet]`", fields["vet"]),
        ("## `[custody]`", fields["custody"]),
        ("## `[[custody.issuer]]`", IssuerSettings),
        ("## `[parties]`", fields["parties"]),
        ("## `[[upstream]]`", fields["upstream"].__args__[0]),
        ("## `[[index]]`", fields["index"].__args__[0]),
    ]


def test_every_table_is_known_to_these_tests() -> None:
    assert {f.name for f in msgspec.structs.fields(Settings)} == {
        "home", "door", "storage", "vet", "custody", "parties", "upstream", "index",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("heading", "struct"), tables(), ids=lambda v: v if isinstance(v, str) else ""
)
def test_every_setting_is_listed_with_its_default(heading: str, struct: Any) -> None:
    text = section(page("reference/settings.md"), heading)
    rows = dict(re.findall(r"^\| `([a-z0-9_]+)` \| ([^|]+) \|", text, re.MULTILINE))
    fields = {f.name: f for f in msgspec.structs.fields(struct)}
    assert set(rows) == set(fields)
    for name, field in fields.items():
        assert rows[name].strip() == spelled(field), f"{heading} {name}"


def spelled(field: Any) -> str:
    """A default as the page writes it."""
    if field.default is msgspec.NODEFAULT:
        return "required"
    value = field.default
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int) and value >= 1024**2:
        giga, mega = 1024**3, 1024**2
        return f"{value // giga} GiB" if value % giga == 0 else f"{value // mega} MiB"
    if isinstance(value, str):
        return f'`"{value}"`'
    return "`[]`" if value == () else f"`{value}`"


def test_every_environment_variable_is_listed() -> None:
    text = section(page("reference/settings.md"), "## Environment variables")
    for name, (table, key) in _ENVIRONMENT.items():
        assert f"| `{name}` | `{table}.{key}` |" in text
    read = {
        name
        for path in SOURCE.rglob("*.py")
        for name in re.findall(r"\bPRATIQUE_[A-Z_]+[A-Z]\b", path.read_text("utf-8"))
        if not name.startswith("PRATIQUE_DRILL_")  # between a drill and what it starts
    }
    assert {name for name in read if f"`{name}`" not in page("reference/settings.md")} == set()


# ── errors ───────────────────────────────────────────────────────────────────────────────────


def error_classes() -> dict[str, str]:
    """Every error of the family with its (first) parent; others never leave their module."""
    parents = {
        node.name: ast.unparse(node.bases[0])
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and node.bases
    }

    def belongs(name: str) -> bool:
        return name == "PratiqueError" or (name in parents and belongs(parents[name]))

    return {name: parent for name, parent in parents.items() if belongs(name)}


@pytest.mark.slow
def test_every_error_is_explained_beside_its_parent() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| ?`?(\w*)`? \| (.*?) \| ?(.*?) ?\|$",
        page("reference/errors.md"),
        re.MULTILINE,
    )
    written = {name: parent for name, parent, _means, _do in rows}
    expected = {n: "" if p == "Exception" else p for n, p in error_classes().items()}
    assert written == expected
    assert all(means for _name, _parent, means, _do in rows)


# ── rules and words ──────────────────────────────────────────────────────────────────────────


def test_every_rule_has_its_page_and_every_page_its_rule() -> None:
    files = (SOURCE / "policy" / "rules").glob("*.py")
    of_policy = {p.stem.replace("_", "-") for p in files if p.stem != "__init__"}
    of_vetting = set(rules_by_name())
    pages = {p.stem for p in (DOCS / "rules").glob("*.md")} - {"README"}
    assert of_policy
    assert of_vetting
    assert not of_policy & of_vetting
    assert pages == of_policy | of_vetting


WORDS = """
    project, release, file, page, upstream, index view, origin, sidecar, provenance, decision,
    allow, hide, hold, deny, cool-down, rule, policy, audit mode, verdict, advisory, waiver,
    last good version, view id, block id, asset, approver, token, actor, ledger, entry, checkpoint,
    proof, tile, group commit, strict, fast, projection, epoch, presence, stage, coverage, certainty,
    interval, drill
"""


@pytest.mark.parametrize("word", [word.strip() for word in WORDS.split(",")])
def test_every_word_is_in_the_glossary(word: str) -> None:
    assert re.search(rf"\*\*{re.escape(word)}\*\*", page("glossary.md")), word


def test_every_dependency_has_its_reason() -> None:
    reasons = page("decisions/0002-dependencies.md")
    for name in ("main.in", "dev.in"):
        for line in (ROOT / "requirements" / name).read_text("utf-8").splitlines():
            if line and line[0].isalpha():
                package = Requirement(line).name
                assert re.search(rf"^\| .*\b{re.escape(package)}\b.* \|", reasons, re.MULTILINE), (
                    line
                )


def test_every_decision_is_in_the_index() -> None:
    index = page("decisions/README.md")
    for path in sorted((DOCS / "decisions").glob("0*.md")):
        assert f"({path.name})" in index, path.name
        assert path.read_text("utf-8").startswith(f"# {path.name[:4]}: "), path.name


# ── links ────────────────────────────────────────────────────────────────────────────────────


def markdown() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def anchors(text: str) -> set[str]:
    """Anchors of a page's headings, as git hosts make them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def test_every_link_leads_somewhere() -> None:
    broken = []
    for path in markdown():
        text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", link):
                continue
            target, _, anchor = unquote(link).partition("#")
            place = (path.parent / target).resolve() if target else path
            if not place.exists() or not place.is_relative_to(ROOT):
                broken.append(f"{path.relative_to(ROOT)}: {link}")
            elif anchor and anchor not in anchors(place.read_text("utf-8")):
                broken.append(f"{path.relative_to(ROOT)}: {link} (no such heading)")
    assert broken == []


def test_every_page_can_be_reached_from_the_index() -> None:
    seen: set[Path] = set()
    waiting = [DOCS / "README.md"]
    while waiting:
        here = waiting.pop()
        if here in seen or here.suffix != ".md" or not here.exists():
            continue
        seen.add(here)
        for link in re.findall(r"\]\(([^)\s#]+)", here.read_text("utf-8")):
            waiting.append((here.parent / unquote(link)).resolve())
    lost = [str(p.relative_to(ROOT)) for p in markdown() if DOCS in p.parents and p not in seen]
    assert lost == []


def test_readme_and_pages_name_only_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for path in markdown():
        for name in re.findall(r"(?:^|`)make ([a-z-]+)", path.read_text("utf-8"), re.MULTILINE):
            assert name in targets, f"{path.relative_to(ROOT)}: make {name}"
