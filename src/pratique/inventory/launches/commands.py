"""Reads one command: which tool, which packages, which of them without a version.

The grammar of each tool is a table of its options that take a value; an option that is not in the
table is taken for a flag.
Source: the `--help` of pip 26.3, uv 0.13, pipx 1.8 and npm 11.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pratique.inventory.launches.model import Command, Launch, Unpinned
from pratique.inventory.launches.specs import judge_npm, judge_python, judge_tool

MAX_WORDS = 2_000
_MAX_NESTING = 4
_MAX_EXCERPT = 200

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_WRAPPERS = frozenset({
    "sudo", "env", "exec", "time", "nohup", "command", "then", "else", "do", "if", "elif", "while",
    "until", "!", "{", "nice", "builtin", "retry",
})  # fmt: skip
_RUNNERS = frozenset({"poetry", "pdm", "pipenv", "hatch", "rye"})
_PIP = re.compile(r"pip[\d.]*")
_PYTHON = re.compile(r"(?:python[\d.]*w?|pypy[\d.]*|py)")

_INDEX_OPTIONS = frozenset({
    "-i", "--index-url", "--extra-index-url", "--index", "--default-index", "--registry",
})  # fmt: skip
_UV_GLOBAL = frozenset({
    "--directory", "--project", "--cache-dir", "--config-file", "--color", "--python-preference",
    "--allow-insecure-host",
})  # fmt: skip
_RESOLVING = _INDEX_OPTIONS | _UV_GLOBAL | {
    "-p", "--python", "-f", "--find-links", "--exclude-newer", "--resolution", "--prerelease",
    "--link-mode", "--keyring-provider", "--index-strategy", "-C", "--config-setting",
    "--config-settings", "--refresh-package", "--reinstall-package", "-P", "--upgrade-package",
    "--no-build-package", "--no-binary-package", "--torch-backend", "--python-platform",
    "--python-version", "-b", "--build-constraint", "--build-constraints", "--override",
    "--overrides", "-c", "--constraint", "--constraints", "--exclude",
}  # fmt: skip
_INSTALL = _RESOLVING | {
    "-r", "--requirement", "--requirements", "-e", "--editable", "-t", "--target", "--prefix",
    "--root", "--src", "--platform", "--implementation", "--abi", "--no-binary", "--only-binary",
    "--log", "--proxy", "--retries", "--timeout", "--exists-action", "--trusted-host", "--cert",
    "--client-cert", "--progress-bar", "--upgrade-strategy", "--global-option", "--report",
    "--use-feature", "--use-deprecated", "--group", "--extra", "--root-user-action",
    "--uploaded-prior-to",
}  # fmt: skip
_RUN = _RESOLVING | {
    "--from", "--with", "--with-editable", "--with-requirements", "--env-file", "--spec",
    "--pip-args", "--suffix", "--preinstall", "-w", "--extra", "--group", "-m", "--module",
    "--package", "--only-group", "--no-group",
}  # fmt: skip
_NPM_VERBS = frozenset({("npm", "exec"), ("npm", "x"), ("pnpm", "dlx"), ("yarn", "dlx")})
_NPX = frozenset({
    "-p", "--package", "-c", "--call", "-w", "--workspace", "--registry", "--cache", "--userconfig",
    "--prefix", "--shell",
})  # fmt: skip


@dataclass(slots=True)
class _Arguments:
    """A command's words, sorted."""

    options: list[tuple[str, str]] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    positional: list[str] = field(default_factory=list)

    def values(self, *names: str) -> list[str]:
        return [value for name, value in self.options if name in names]

    def has(self, *names: str) -> bool:
        return any(name in self.flags for name in names) or bool(self.values(*names))


def read_command(command: Command, *, nesting: int = 0) -> Launch | None:
    """What a command installs or runs; None when it does neither."""
    words = without_prefix(command.words[:MAX_WORDS])
    if not words or nesting > _MAX_NESTING:
        return None
    tool = words[0].replace("\\", "/").rpartition("/")[2].lower().removesuffix(".exe")
    tool = tool.removesuffix(".cmd")
    rest = words[1:]
    inner = _inner_words(tool, rest)
    if inner is not None:
        return read_command(
            Command(words=tuple(inner), location=command.location), nesting=nesting + 1
        )
    reader = _reader_of(tool, rest)
    if reader is None:
        return None
    label, judge, arguments = reader
    launch = judge(label, arguments)
    indexes = tuple(arguments.values(*_INDEX_OPTIONS))
    if not launch and not indexes:
        return None
    return Launch(
        tool=label,
        excerpt=_excerpt(words, launch),
        unpinned=tuple(launch),
        indexes=indexes,
        location=command.location,
    )


_Reader = tuple[str, Callable[[str, _Arguments], list[Unpinned]], _Arguments]


def _reader_of(tool: str, rest: Sequence[str]) -> _Reader | None:
    """Which grammar applies: the label, the judge and the sorted words."""
    if _PIP.fullmatch(tool):
        at = next((i for i, word in enumerate(rest) if not word.startswith("-")), None)
        if at is not None and rest[at] == "install":
            return "pip install", _judge_install, _sorted(rest[at + 1 :], _INSTALL)
        return None
    if tool == "uv":
        return _uv_reader(_skip_options(rest, _UV_GLOBAL))
    words = list(rest)
    if tool == "uvx":
        return "uvx", _judge_run, _sorted(words, _RUN, stop=True)
    if tool == "pipx" and words[:1] in (["run"], ["install"]):
        verb = words[0]
        return f"pipx {verb}", _judge_run, _sorted(words[1:], _RUN, stop=verb == "run")
    if tool in {"npx", "pnpx", "bunx"}:
        return tool, _judge_npx, _sorted(words, _NPX, stop=True)
    if (tool, *words[:1]) in _NPM_VERBS:
        return f"{tool} {words[0]}", _judge_npx, _sorted(words[1:], _NPX, stop=True)
    return None


def _uv_reader(rest: Sequence[str]) -> _Reader | None:
    match list(rest):
        case ["pip", "install", *words]:
            return "uv pip install", _judge_install, _sorted(words, _INSTALL)
        case ["tool", ("run" | "install") as verb, *words]:
            return f"uv tool {verb}", _judge_run, _sorted(words, _RUN, stop=verb == "run")
        case ["run", *words]:
            return "uv run", _judge_with, _sorted(words, _RUN, stop=True)
        case _:
            return None


def _inner_words(tool: str, rest: Sequence[str]) -> list[str] | None:
    """The command inside a command: `python -m pip …`, `poetry run …`, `cmd /c …`."""
    words = list(rest)
    if _PYTHON.fullmatch(tool):
        for at, word in enumerate(words[:8]):
            if word == "-m" and at + 1 < len(words):
                return words[at + 1 :]
            if not word.startswith("-"):
                return None
        return None
    if tool == "cmd" and words and words[0].lower() in {"/c", "/k"}:
        return words[1:]
    if tool in _RUNNERS and words[:1] == ["run"]:
        return words[1:]
    if tool == "uv":
        words = _skip_options(words, _UV_GLOBAL)
        if words[:1] == ["run"]:
            inner = _sorted(words[1:], _RUN, stop=True).positional
            nested = bool(inner) and (_PIP.fullmatch(inner[0]) or _PYTHON.fullmatch(inner[0]))
            return inner if nested and "--with" not in words else None
    return None


def _judge_install(_label: str, arguments: _Arguments) -> list[Unpinned]:
    if arguments.has("--no-index", "--require-hashes", "--dry-run"):
        return []
    bounded = arguments.has("-c", "--constraint", "--constraints", "--exclude-newer")
    editable = arguments.values("-e", "--editable")
    judged = [judge_python(spec) for spec in [*arguments.positional, *editable]]
    return _milder(judged, bounded=bounded)


def _judge_run(_label: str, arguments: _Arguments) -> list[Unpinned]:
    bounded = arguments.has("-c", "--constraint", "--constraints", "--exclude-newer")
    chosen = arguments.values("--from", "--spec") or arguments.positional[:1]
    extra = [
        part
        for value in arguments.values("--with", "-w", "--preinstall")
        for part in _commas(value)
    ]
    judged = [judge_tool(spec) for spec in chosen] + [judge_python(spec) for spec in extra]
    return _milder(judged, bounded=bounded)


def _judge_with(_label: str, arguments: _Arguments) -> list[Unpinned]:
    extra = [part for value in arguments.values("--with", "-w") for part in _commas(value)]
    bounded = arguments.has("--exclude-newer")
    return _milder([judge_python(spec) for spec in extra], bounded=bounded)


def _judge_npx(label: str, arguments: _Arguments) -> list[Unpinned]:
    if arguments.has("--no", "--no-install"):
        return []
    chosen = arguments.values("-p", "--package") or arguments.positional[:1]
    judged = [judge_npm(spec) for spec in chosen]
    # Without -y, npx prefers what the project has installed and asks before it fetches.
    local_first = (
        label == "npx" and not arguments.has("-y", "--yes") and not any("@" in s for s in chosen)
    )
    return _milder(judged, bounded=local_first)


def _milder(judged: Sequence[Unpinned | None], *, bounded: bool) -> list[Unpinned]:
    return [
        Unpinned(spec=item.spec, why=item.why, mild=item.mild or bounded)
        for item in judged
        if item is not None
    ]


def _commas(value: str) -> list[str]:
    """`--with a,b` names two packages, but the comma in `a[x,y]>1,<2` separates nothing."""
    return [value] if re.search(r"[\[<>=!~]", value) else value.split(",")


def _sorted(
    words: Sequence[str], takes_value: frozenset[str] | set[str], *, stop: bool = False
) -> _Arguments:
    """Sort words into options, flags and the rest; `stop`: the first other word ends the options."""
    arguments = _Arguments()
    at = 0
    while at < len(words):
        word, at = words[at], at + 1
        name, given, value = word.partition("=")
        if not word.startswith("-") or word == "-":
            arguments.positional.append(word)
            if stop:
                arguments.positional.extend(words[at:])
                return arguments
        elif word == "--":
            arguments.positional.extend(words[at:])
            return arguments
        elif given and name.startswith("--"):
            arguments.options.append((name, value))
        elif word in takes_value and at < len(words):
            arguments.options.append((word, words[at]))
            at += 1
        elif word[:2] in takes_value and not word.startswith("--"):
            arguments.options.append((word[:2], word[2:]))
        else:
            arguments.flags.add(name)
    return arguments


def _skip_options(words: Sequence[str], takes_value: frozenset[str]) -> list[str]:
    at = 0
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in takes_value else 1
    return list(words[at:])


def without_prefix(words: Sequence[str]) -> list[str]:
    """Drop assignments and wrappers before the command: `A=b sudo -E env C=d pip …`."""
    at = 0
    wrapped = False
    while at < len(words):
        word = words[at].lstrip("@")
        if word in _WRAPPERS:
            wrapped = True
        elif not (_ASSIGNMENT.match(word) or (wrapped and word.startswith("-"))):
            return [word, *words[at + 1 :]]
        at += 1
    return []


def _excerpt(words: Sequence[str], unpinned: Sequence[Unpinned]) -> str:
    specs = {item.spec for item in unpinned}
    last = max((at for at, word in enumerate(words) if word.strip() in specs), default=-1)
    if last < 0:
        last = min(len(words) - 1, 5)
    text = " ".join(words[: last + 1]) + (" …" if last + 1 < len(words) else "")
    return text if len(text) <= _MAX_EXCERPT else text[: _MAX_EXCERPT - 1] + "…"
