"""What well-known things hold: environment variables, paths, commands, namespaces."""

from __future__ import annotations

from pratique.vet.catalogue import Catalogue
from pratique.vet.python.labels import BROWSER, CLOUD, ENVIRONMENT, HOST, OUTPUT, SECRET
from pratique.vet.python.plain import Node
from pratique.vet.python.values import HOLE, NONE, V, known
from pratique.vet.python.walk import BUILTINS, Walk

_PATH_CHARACTERS = 2000
"""Longest text that is looked at as a path or an address."""
_HOST_VARIABLES = frozenset(
    {
        "USER",
        "USERNAME",
        "LOGNAME",
        "HOSTNAME",
        "COMPUTERNAME",
        "USERDOMAIN",
        "PROCESSOR_IDENTIFIER",
        "USERPROFILE",
        "PWD",
        "SSH_CONNECTION",
    }
)
_NAMESPACES = frozenset({"builtins.globals()", "builtins.locals()", "builtins.vars()"})


def sensitive_environment(catalogue: Catalogue, key: V) -> int:
    """Labels of the environment variable of this name."""
    if type(key.const) is bytes or type(key.const) is str:
        word = known(key).upper()[:200]
        if word in _HOST_VARIABLES:
            return HOST
        if any(part in word for part in catalogue.never_secret):
            return 0
        return SECRET if any(part in word for part in catalogue.secret_names) else 0
    return ENVIRONMENT


def path_bits(catalogue: Catalogue, path: V) -> int:
    """Labels of what a file at this path holds."""
    text = known(path)
    if len(text) < 3 or len(text) > _PATH_CHARACTERS:  # noqa: PLR2004 - nothing is that short
        return 0
    text = text.lower().replace("\\", "/")
    bits = 0
    if any(part in text for part in catalogue.secret_paths):
        bits |= SECRET
    if any(part in text for part in catalogue.browser_paths):
        bits |= BROWSER
    return bits


def address_bits(catalogue: Catalogue, address: V) -> int:
    """Labels of what is received from this address."""
    text = known(address)[:_PATH_CHARACTERS]
    return CLOUD if any(part in text for part in catalogue.cloud_addresses) else 0


def command_bits(catalogue: Catalogue, command: V) -> int:
    """Labels of what this command writes out."""
    text = command_text(command)[:_PATH_CHARACTERS]
    if not text:
        return OUTPUT
    bits = OUTPUT
    lowered = text.lower()
    first = (
        lowered.split(None, 1)[0].rpartition("/")[2].removesuffix(".exe") if lowered.strip() else ""
    )
    if first in catalogue.host_commands:
        bits |= HOST
    if first in catalogue.environment_commands and len(lowered.split()) == 1:
        bits |= ENVIRONMENT
    if any(part in lowered for part in catalogue.secret_commands):
        bits |= SECRET
    if any(part in lowered for part in catalogue.cloud_addresses):
        bits |= CLOUD
    return bits


def command_text(command: V) -> str:
    """A command as one line, whether it is a text or a list of words."""
    if type(command.const) in {list, tuple}:
        return " ".join(str(item) for item in command.const[:64] if type(item) in {str, int})
    text = known(command)
    return "" if text == HOLE else text


def item_of_names(walk: Walk, node: Node, base: V, index: V) -> V:
    """`os.environ["X"]`, `globals()["x"]`, `sys.modules["x"]`, `os.__dict__["x"]`."""
    for name in base.names:
        if name in {"os.environ", "os.environb"}:
            walk.report(
                node,
                f"{name}.__getitem__",
                walk.catalogue.look_up(f"{name}.__getitem__"),
                [index],
                {},
            )
            return V(bits=sensitive_environment(walk.catalogue, index))
        if name in _NAMESPACES:
            return from_namespace(walk, index)
        if name == "sys.modules":
            return module_named(walk, index)
        if name.endswith(".__dict__"):
            return member_named(walk, name.removesuffix(".__dict__"), index)
        if name.startswith("ctypes.") and type(index.const) is str:
            return V(names=(walk.catalogue.canonical(f"{name}.{index.const}"),), hidden=True)
    bits = base.bits | index.bits
    return V(bits=bits, names=tuple(f"{name}[]" for name in base.names if "[]" not in name))


def from_namespace(walk: Walk, key: V) -> V:
    """The value that `globals()[key]` has."""
    if type(key.const) is not str:
        return V(names=(HOLE,), hidden=True, bits=key.bits)
    value = walk.get(key.const) or BUILTINS.get(key.const) or NONE
    return renamed(value, hidden=True)


def module_named(walk: Walk, key: V) -> V:
    """The module of this name."""
    if type(key.const) is str and 0 < len(key.const) < 200:  # noqa: PLR2004 - no module's name is longer
        return V(names=(walk.catalogue.canonical(key.const),), hidden=True)
    return V(names=(HOLE,), hidden=True, bits=key.bits)


def member_named(walk: Walk, owner: str, key: V) -> V:
    """The member of this name of something known by name."""
    if type(key.const) is str and 0 < len(key.const) < 200:  # noqa: PLR2004 - no name is longer
        return V(names=(walk.catalogue.canonical(f"{owner}.{key.const}"),), hidden=True)
    return V(names=(f"{owner}.{HOLE}",), hidden=True, bits=key.bits)


def renamed(value: V, *, hidden: bool) -> V:
    """The same value, found by a hidden name."""
    return V(
        value.const,
        value.text,
        value.bits,
        value.names,
        value.layer,
        value.inner,
        value.built,
        hidden,
    )
