"""Installs further software behind the user's back."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses import roles
from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import Reading, names_of, words_of
from pratique.vet.analyses.signs import Signs
from pratique.vet.model import Confidence, Severity, Sign
from pratique.vet.python.model import Call

RULE = Rule(
    name="self-install",
    title="Installs or starts other software",
    techniques=("T1072", "T1105", "T1195.001"),
    what="The program pip, npm or another installer is run from code, or a whole runtime (bun, "
    "node, deno) or an AI assistant's command line is started.",
    danger="What is installed this way passes by lock files, hashes and review. Recent worms "
    "fetch a runtime of their own so that their payload needs no Python at all.",
    benign="Development helpers and notebooks install missing packages; they say so.",
    traits={
        "pip": trait("runs pip from code", Severity.MEDIUM, Confidence.MEDIUM),
        "pip-index": trait(
            "runs pip with another index or a direct address", Severity.HIGH, Confidence.HIGH
        ),
        "pip-quiet": trait(
            "runs pip and hides its output or its failure", Severity.HIGH, Confidence.MEDIUM
        ),
        "other-installer": trait(
            "runs npm, apt, brew or another installer", Severity.MEDIUM, Confidence.LOW
        ),
        "runtime": trait(
            "starts a JavaScript runtime", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "runtime-fetch": trait(
            "downloads a JavaScript runtime and starts it", Severity.CRITICAL, Confidence.HIGH
        ),
        "assistant": trait(
            "starts an AI assistant's command line with its safeguards off",
            Severity.HIGH, Confidence.MEDIUM,
        ),
    },
)  # fmt: skip

_INSTALLERS = (
    "npm install", "npm i ", "npx ", "apt install", "apt-get install", "brew install", "yum install",
    "choco install", "winget install", "uv pip install", "uv tool", "uvx ", "pipx ", "gem install",
    "cargo install", "conda install", "go install", "easy_install",
)  # fmt: skip
_INDEX = (
    "--index-url",
    "--extra-index-url",
    " -i http",
    "git+",
    "http://",
    "https://",
    "--trusted-host",
)
_RUNTIMES = ("bun", "bun.exe", "node", "node.exe", "deno", "deno.exe")
_ASSISTANTS = ("claude", "gemini", "codex", "cursor-agent", "aider", "copilot", "q")
_UNSAFE = (
    "--dangerously-skip-permissions", "--yolo", "--trust-all-tools", "--full-auto", "--allow-all",
    "dangerously-bypass", "--no-interactive",
)  # fmt: skip
_QUIET = ("DEVNULL", "-q", "--quiet", "/dev/null", "> NUL", ">nul")


def run(reading: Reading) -> Iterator[Sign]:
    """Installer calls, and started commands by their first words."""
    signs = Signs(rule=RULE.name, reading=reading)
    for call in reading.file.calls:
        if roles.PIP in call.roles:
            words = " ".join(words_of(value) for value in call.arguments)
            yield from _pip(signs, call, f"pip {words}")
        elif roles.RUN in call.roles:
            yield from _command(reading, signs, call)


def _command(reading: Reading, signs: Signs, call: Call) -> Iterator[Sign]:
    command = " ".join(words_of(value) for value in call.arguments)[:2000]
    first = command.replace("\\", "/").split(" ", 1)[0].rpartition("/")[2].strip("\"'")
    if _names_pip(command):
        yield from _pip(signs, call, command)
    elif any(name in command for name in _INSTALLERS):
        yield signs.at(call, "other-installer", shown=command)
    if first in _RUNTIMES:
        fetched = reading.near(call, reading.calls(roles.FETCH))
        yield signs.at(call, "runtime-fetch" if fetched else "runtime", shown=command)
    if first in _ASSISTANTS and any(flag in command for flag in _UNSAFE):
        yield signs.at(call, "assistant", shown=command)


def _names_pip(command: str) -> bool:
    """Whether pip is told to install, under any name that it has (`pip3.11`), options between."""
    told = False
    for word in command.split():
        if word.replace("\\", "/").rpartition("/")[2].removesuffix(".exe").startswith("pip"):
            told = True
        elif word == "install" and told:
            return True
        elif not word.startswith("-"):
            told = False
    return False


def _pip(signs: Signs, call: Call, command: str) -> Iterator[Sign]:
    yield signs.at(call, "pip", shown=command)
    if any(mark in command for mark in _INDEX):
        yield signs.at(call, "pip-index", shown=command)
    streams = " ".join(names_of(value) for value in call.keywords.values())
    if call.quiet or any(mark in f"{command} {streams}" for mark in _QUIET):
        yield signs.at(call, "pip-quiet", shown=command)


ANALYSIS = PythonAnalysis(rule=RULE, run=run)
