"""What setup.py and its commands do besides building."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses import roles
from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import Reading, carries, names_of, text_of, words_of
from pratique.vet.analyses.signs import Signs
from pratique.vet.analyses.tools import is_tool
from pratique.vet.model import Confidence, Severity, Sign
from pratique.vet.python.model import Call, Label

RULE = Rule(
    name="build-hook",
    title="Does more than build when it is built",
    techniques=("T1195.002", "T1546.016"),
    what="The file setup.py, or a command class given to setup(), uses the network, starts "
    "processes, executes code or writes files elsewhere.",
    danger="Installers run it on every install from source, before anybody has looked at the package, "
    "with all rights of the user.",
    benign="Builds call compilers and version control, and now and then fetch a library they "
    "need.",
    traits={
        "hook-network": trait(
            "has an install command that uses the network", Severity.HIGH, Confidence.HIGH
        ),
        "hook-process": trait(
            "has an install command that starts processes", Severity.HIGH, Confidence.MEDIUM
        ),
        "hook-execute": trait(
            "has an install command that executes built or decoded code", Severity.HIGH, Confidence.HIGH
        ),
        "hook-write": trait(
            "has an install command that writes outside the build", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "hook": trait("replaces an install command", Severity.INFO, Confidence.MEDIUM),
        "setup-network": trait("uses the network in setup.py", Severity.HIGH, Confidence.MEDIUM),
        "setup-process": trait("starts processes in setup.py", Severity.MEDIUM, Confidence.LOW),
        "setup-execute": trait(
            "executes built or decoded code in setup.py", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "setup-write": trait(
            "writes outside the build in setup.py", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "setup-quiet": trait(
            "uses network or processes in setup.py and swallows every error",
            Severity.HIGH, Confidence.MEDIUM,
        ),
    },
)  # fmt: skip

_COMMAND_MODULES = (
    "setuptools.command", "distutils.command", "setuptools", "distutils.core", "distutils.cmd",
    "wheel.bdist_wheel", "setuptools.dist", "distutils.dist",
)  # fmt: skip
_HOOKS = ("run", "finalize_options", "initialize_options", "__init__", "do_egg_install", "__del__")
_OUTSIDE = (
    "~", "/tmp",  # noqa: S108 - looked for, not written to
    "/etc", "/usr", "/home", "/var", "c:", "%", "appdata", "expanduser", "home()",
    "temp",
)  # fmt: skip


def run(reading: Reading) -> Iterator[Sign]:
    """Regions that setuptools calls, then the top level beside `setup()`."""
    if not reading.calls("build.setup") and not _imports_commands(reading):
        return
    signs = Signs(rule=RULE.name, reading=reading)
    regions = reading.file.regions
    hooks = {
        index
        for index, region in enumerate(regions)
        if "." in region.name and region.name.rpartition(".")[2] in _HOOKS
    }
    hooks &= _command_regions(reading)
    for call in reading.named("setuptools.setup"):
        if "cmdclass" in call.keywords and hooks:
            yield signs.at(call, "hook", shown="cmdclass")
    called_at_top = reading.reached_from({0})
    called_by_hook = reading.reached_from(hooks)
    for call in reading.calls(*roles.TALK, roles.RUN, roles.EXECUTE, roles.WRITE):
        if call.region in called_by_hook:
            yield from _deed(signs, call, "hook")
        elif reading.named("setuptools.setup") and call.region in called_at_top:
            yield from _deed(signs, call, "setup")
            if call.quiet and not carries(call, Label.FILE) and _talks_or_runs(call):
                yield signs.at(call, "setup-quiet", shown=call.name)


def _imports_commands(reading: Reading) -> bool:
    return any(entry.module.startswith(("setuptools.command", "distutils.command"))
               for entry in reading.file.imports)  # fmt: skip


def _command_regions(reading: Reading) -> set[int]:
    """Methods; without knowledge of base classes every class in a file that imports commands counts."""
    if not any(entry.module.startswith(_COMMAND_MODULES) for entry in reading.file.imports):
        return set()
    return set(range(len(reading.file.regions)))


def _talks_or_runs(call: Call) -> bool:
    return not call.roles.isdisjoint((*roles.TALK, roles.RUN)) and not is_tool(call)


def _deed(signs: Signs, call: Call, prefix: str) -> Iterator[Sign]:
    if not call.roles.isdisjoint(roles.TALK):
        if not _asks_own_name(call):
            yield signs.at(call, f"{prefix}-network", shown=_shown(call))
    elif roles.RUN in call.roles:
        if not is_tool(call):
            yield signs.at(call, f"{prefix}-process", shown=_shown(call))
    elif roles.EXECUTE in call.roles:
        if call.layer or carries(call, Label.DECODED, Label.NETWORK) or _opaque(call):
            yield signs.at(call, f"{prefix}-execute", shown=_shown(call))
    elif any(mark in _place(call) for mark in _OUTSIDE):
        yield signs.at(call, f"{prefix}-write", shown=_shown(call))


def _opaque(call: Call) -> bool:
    """Executes something that is neither a constant nor the content of a file."""
    value = call.arguments[0] if call.arguments else None
    return (
        value is not None
        and not value.folded
        and Label.FILE not in value.labels
        and not value.names
    )


def _asks_own_name(call: Call) -> bool:
    return roles.DNS in call.roles and not carries(
        call, Label.HOST, Label.SECRET, Label.ENVIRONMENT
    )


def _place(call: Call) -> str:
    return " ".join(f"{text_of(value)[:300]} {names_of(value)}" for value in call.arguments).lower()


def _shown(call: Call) -> str:
    return next((text for value in call.values if (text := words_of(value))), call.name)


ANALYSIS = PythonAnalysis(rule=RULE, run=run)
