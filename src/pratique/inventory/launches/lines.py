"""Launches in line-oriented files: Dockerfiles, makefiles, just files, tox.ini, YAML pipelines.

YAML is read line by line, without a YAML library: what is looked for are commands, they stand in
scalars, and a library would need its own guard against aliases and lose the places.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from pratique.inventory.launches.model import Launch
from pratique.inventory.launches.shell import (
    Line,
    launches_in,
    launches_of_words,
    logical_lines,
)
from pratique.inventory.launches.specs import judge_npm, judge_python
from pratique.inventory.text import SourceText

_INSTRUCTION = re.compile(
    r"\s*(?:ONBUILD\s+)?(?:HEALTHCHECK\s+(?:--\S+\s+)*CMD|RUN|CMD|ENTRYPOINT)\s+(.*)",
    re.IGNORECASE | re.DOTALL,
)
_RUN_FLAGS = re.compile(r"(?:\s*--(?:mount|network|security)=\S+)*+")
_HEREDOC = re.compile(r"<<-?\s*[\"']?(\w+)[\"']?")
_ANY_INSTRUCTION = re.compile(r"\s*[A-Za-z]+\s")
_MAKE_VARIABLE = re.compile(r"\$[({]\w*?(PIPX?|PYTHON|UVX|UV|NPX)\d?[)}]", re.IGNORECASE)
_YAML_KEY = re.compile(
    r"(?P<lead>\s*(?:-\s+)*)(?:(?P<key>[A-Za-z_][\w.-]*)\s*:(?:\s+|$))?(?P<value>.*)"
)
_SPOKEN = frozenset(
    {"name", "description", "title", "summary", "message", "uses", "id", "if", "label"}
)
_FOLDED = re.compile(r">[+-]?\d?\s*(?:#.*)?$")
_DEPENDENCY_KEYS = frozenset({"additional_dependencies"})
_INI_KEY = re.compile(r"(?P<key>[A-Za-z_][\w.{}:,-]*)\s*=\s*(?P<value>.*)")


def read_dockerfile(source: SourceText) -> list[Launch]:
    """Launches in RUN, CMD and ENTRYPOINT, in shell form, exec form and here-documents."""
    launches: list[Launch] = []
    until = ""
    for line in logical_lines(source.text, comments_continue=True):
        if until:
            if line.text.strip() == until:
                until = ""
            else:
                launches.extend(launches_in(line, source))
            continue
        found = _INSTRUCTION.match(line.text)
        if found is None:
            continue
        body = found.group(1)
        flags = _RUN_FLAGS.match(body)
        body = body[flags.end() :] if flags else body
        heredoc = _HEREDOC.search(body)
        until = heredoc.group(1) if heredoc else ""
        launches.extend(_command_or_list(body, source, line))
    return launches


def read_makefile(source: SourceText) -> list[Launch]:
    """Launches in recipes of make and just: the indented lines."""
    launches: list[Launch] = []
    for line in logical_lines(source.text):
        if line.text[:1] in {"\t", " "}:
            text = _MAKE_VARIABLE.sub(lambda match: match.group(1).lower(), line.text)
            text = text.strip().lstrip("@-+").replace("$$", "$")
            launches.extend(launches_in(line, source, text=text))
    return launches


def read_yaml(source: SourceText) -> list[Launch]:
    """Launches in the scalars of a pipeline or pre-commit file."""
    launches: list[Launch] = []
    listing = -1
    for line in _folded(source.text):
        parts = _YAML_KEY.match(line.text)
        if parts is None or line.text.lstrip().startswith("#"):
            continue
        key, value = parts.group("key") or "", parts.group("value").strip()
        indent = len(line.text) - len(line.text.lstrip())
        if key in _DEPENDENCY_KEYS:
            listing = indent
            launches.extend(_dependencies(value, source, line))
        elif listing >= 0 and not key and indent >= listing and line.text.lstrip().startswith("-"):
            launches.extend(_dependencies(value, source, line))
        else:
            listing = listing if not line.text.strip() else -1
            if key not in _SPOKEN:
                launches.extend(_command_or_list(_unquoted(value), source, line, key=key))
    return launches


def read_tox(source: SourceText) -> list[Launch]:
    """Requirements under `deps` and commands under `commands…` of a tox.ini."""
    launches: list[Launch] = []
    section_key = ""
    for line in logical_lines(source.text):
        text = line.text.partition(" #")[0]
        if not text.strip() or text.lstrip().startswith(("#", ";")):
            continue
        if not text[:1].isspace():
            found = _INI_KEY.match(text)
            section_key = found.group("key") if found else ""
            text = found.group("value") if found else ""
        if section_key == "deps":
            spec = re.sub(r"^[\w{},!.*-]+:\s+", "", text.strip())  # a factor: `py311: name`
            if spec and not spec.startswith("-") and "{" not in spec:
                launches.extend(_specs([spec], "deps", source, line))
        elif section_key.startswith("commands"):
            shell = text.strip().lstrip("-!@ ")
            launches.extend(launches_in(line, source, text=shell))
    return launches


def _folded(text: str) -> Iterator[Line]:
    """Lines of YAML, those of a folded scalar (`>`) joined into one."""
    pending: Line | None = None
    indent = 0
    for line in logical_lines(text):
        depth = len(line.text) - len(line.text.lstrip())
        if pending is not None:
            if line.text.strip() and depth > indent:
                pending = Line(f"{pending.text} {line.text.strip()}", pending.offset, line.end)
                continue
            yield pending
            pending = None
        if _FOLDED.search(line.text):
            indent, pending = depth, Line(_FOLDED.sub("", line.text), line.offset, line.end)
        else:
            yield line
    if pending is not None:
        yield pending


def _command_or_list(
    text: str, source: SourceText, line: Line, *, key: str = "command"
) -> list[Launch]:
    """A shell line, or a list in JSON form: words of one command, or (script:) several lines."""
    if not text.lstrip().startswith("["):
        return launches_in(line, source, text=text)
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return launches_in(line, source, text=text.strip("[] "))
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return []
    if key in {"script", "before_script", "after_script"}:
        return [found for word in words for found in launches_in(line, source, text=word)]
    return launches_of_words(words, source.location(line.offset))


def _dependencies(value: str, source: SourceText, line: Line) -> list[Launch]:
    inside = value.partition(" #")[0].strip().strip("[]")
    specs = [_unquoted(item.strip()) for item in re.split(r",\s+", inside) if item.strip()]
    return _specs(specs, "additional_dependencies", source, line)


def _specs(specs: list[str], label: str, source: SourceText, line: Line) -> list[Launch]:
    """Requirements that a tool installs without a command of its own."""
    npm = [spec for spec in specs if spec.startswith("@") or re.search(r"\w@\d", spec)]
    python = [spec for spec in specs if spec not in npm]
    judged = [judge_npm(spec) for spec in npm] + [judge_python(spec) for spec in python]
    unpinned = tuple(item for item in judged if item is not None)
    if not unpinned:
        return []
    at = source.find(unpinned[0].spec, line.offset, line.end, default=line.offset)
    return [
        Launch(
            tool=label,
            excerpt=f"{label}: {', '.join(item.spec for item in unpinned)}",
            unpinned=unpinned,
            location=source.location(at),
        )
    ]


def _unquoted(text: str) -> str:
    for quote in "\"'":
        if len(text) > 1 and text.startswith(quote) and text.endswith(quote):
            return text[1:-1]
    return text
