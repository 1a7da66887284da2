"""Changes how Python itself works for everybody else."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses.files import written_files
from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import Reading, names_of, text_of
from pratique.vet.analyses.signs import Signs
from pratique.vet.model import Confidence, Severity, Sign
from pratique.vet.python.model import Label

RULE = Rule(
    name="import-hook",
    title="Changes Python for everybody else",
    techniques=("T1574", "T1546.018", "T1556", "T1557"),
    what="Hooks the import system, replaces modules or functions of other libraries, sets "
    "variables that every later Python reads, rewrites pip's configuration or switches "
    "off the check of certificates.",
    danger="Code that other libraries trust is no longer theirs: passwords pass through the new "
    "functions, and the next install comes from somebody else.",
    benign="Lazy import, test doubles and tracing libraries do it; so do compatibility layers "
    "such as six.",
    traits={
        "import-system": trait("hooks the import system", Severity.LOW, Confidence.MEDIUM),
        "patches-library": trait(
            "replaces functions of a network, TLS or input library", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "python-variable": trait(
            "sets a variable that every later Python obeys", Severity.MEDIUM, Confidence.MEDIUM
        ),
        "pip-configuration": trait(
            "writes the configuration of an installer", Severity.HIGH, Confidence.HIGH
        ),
        "certificates-off": trait(
            "switches off the check of certificates", Severity.LOW, Confidence.MEDIUM
        ),
        "certificates-off-and-send": trait(
            "sends private data without the check of certificates", Severity.HIGH, Confidence.MEDIUM
        ),
        "proxy": trait("routes everything through a proxy of its own", Severity.LOW, Confidence.LOW),
        "other-package": trait(
            "writes into the files of other installed packages", Severity.CRITICAL, Confidence.HIGH
        ),
    },
)  # fmt: skip

_IMPORT_HOOKS = ("sys.meta_path", "sys.path_hooks", "codecs.register")
_PATCHED = (
    "requests",
    "urllib3",
    "ssl",
    "http.client",
    "socket",
    "getpass",
    "builtins",
    "aiohttp",
    "httpx",
)
_VARIABLES = (
    "PYTHONSTARTUP", "PYTHONPATH", "PYTHONHOME", "PYTHONINSPECT", "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL", "NODE_OPTIONS", "GIT_SSH_COMMAND", "BASH_ENV",
)  # fmt: skip
_INSTALLER_FILES = ("pip.conf", "pip.ini", ".npmrc", ".pypirc", "uv.toml", ".condarc", ".yarnrc")
_PRIVATE = frozenset(
    {
        Label.ENVIRONMENT,
        Label.SECRET,
        Label.HOST,
        Label.BROWSER,
        Label.FILE,
        Label.OUTPUT,
        Label.CLOUD,
    }
)


def run(reading: Reading) -> Iterator[Sign]:
    """Hooks by role, patched names, variables, installer files, certificates."""
    signs = Signs(rule=RULE.name, reading=reading)
    for call in reading.calls("import"):
        if call.name.startswith(_IMPORT_HOOKS):
            yield signs.at(call, "import-system", shown=call.name)
    for call in reading.named("builtins.setattr"):
        if call.arguments and names_of(call.arguments[0]).startswith(_PATCHED):
            yield signs.at(call, "patches-library", shown=names_of(call.arguments[0]))
    yield from _environment(reading, signs)
    yield from _certificates(reading, signs)


def _environment(reading: Reading, signs: Signs) -> Iterator[Sign]:
    for call in reading.calls("environment.write"):
        text = " ".join(text_of(value)[:200] for value in call.values)
        if any(variable in text for variable in _VARIABLES):
            yield signs.at(call, "python-variable", shown=text)
    for written in written_files(reading):
        place = written.path.replace("\\", "/").lower()
        if place.endswith(_INSTALLER_FILES):
            yield signs.at(written.call, "pip-configuration", shown=written.path)
        elif "site-packages/" in place and not place.endswith(
            (".pth", ".py\N{HORIZONTAL ELLIPSIS}")
        ):
            yield signs.at(written.call, "other-package", shown=written.path)


def _certificates(reading: Reading, signs: Signs) -> Iterator[Sign]:
    for call in reading.named("ssl._create_unverified_context"):
        yield signs.at(call, "certificates-off", shown=call.name)
    for call in reading.talks:
        verify = call.keywords.get("verify")
        if verify is not None and verify.folded and verify.constant is False:
            name = "certificates-off-and-send" if call.labels & _PRIVATE else "certificates-off"
            yield signs.at(call, name, shown=f"{call.name}(verify=False)")
    for call in reading.named("urllib.request.install_opener"):
        yield signs.at(call, "proxy", shown=call.name)


ANALYSIS = PythonAnalysis(rule=RULE, run=run)
