"""Well-known functions with effects: files and paths, code from text, processes, threads."""

from __future__ import annotations

from pratique.vet.python.arguments import Arguments, report_call
from pratique.vet.python.blobs import printable_strings
from pratique.vet.python.file_code import READ, note_path, note_source
from pratique.vet.python.labels import CODE, DECODED, FILE
from pratique.vet.python.lookups import (
    command_bits,
    path_bits,
)
from pratique.vet.python.plain import Node
from pratique.vet.python.values import (
    HOLE,
    NONE,
    PYTHON_NONE,
    UNSET,
    Bound,
    ClassValue,
    FileValue,
    Made,
    Partial,
    Routine,
    V,
    joined_bits,
    known,
)
from pratique.vet.python.walk import Walk

_COMMAND_WORDS = 16
"""Words of a command among which a script is looked for."""
_SUFFIX = len(".py")

_SOURCE_CHARACTERS = 4000
"""Source that a code object shows."""


def open_file(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """`open(path, mode)`."""
    path, mode = given.get(0, "file"), given.get(1, "mode")
    word = mode.const if type(mode.const) is str else "r" if mode is NONE else ""
    writes = any(letter in word for letter in "wax+")
    entry = (
        walk.catalogue.look_up("builtins.open().write") if writes else walk.catalogue.look_up(name)
    )
    report_call(walk, node, name, given, callee, entry)
    bits = path_bits(walk.catalogue, path) if not writes else 0
    return V(
        bits=bits | (path.bits & ~DECODED),
        names=("builtins.open()",),
        inner=FileValue(path, word),
        text=known(path),
    )


def opened_file_call(
    walk: Walk,
    node: Node,
    base: V,
    opened: FileValue,
    attr: str,
    arguments: list[V],
    keywords: dict[str, V],
) -> V | None:
    """A method of an opened file. Reports carry the path as the keyword `<file>`."""
    if attr in {"write", "writelines"} and arguments:
        entry = walk.catalogue.look_up("builtins.open().write")
        walk.report(
            node, f"builtins.open().{attr}", entry, arguments, {**keywords, "<file>": opened.path}
        )
        if known(opened.path).lower().endswith((".py", ".pyw", ".pth")):
            _read_text(walk, node, arguments[0], "written")
        elif not known(opened.path).rpartition("/")[2].partition(".")[2] or HOLE in known(
            opened.path
        ):
            walk.guess(node, arguments[0])
        base.bits |= joined_bits(arguments) & ~DECODED
        return PYTHON_NONE
    if attr in {"read", "readlines", "readline"}:
        entry = walk.catalogue.look_up("builtins.open().read")
        walk.report(
            node, f"builtins.open().{attr}", entry, arguments, {**keywords, "<file>": opened.path}
        )
        return V(bits=base.bits | FILE, inner=Made(READ, [opened.path], {}))
    if attr in {"__enter__", "seek", "__iter__"}:
        return base
    return V(bits=base.bits)


def path_of(_walk: Walk, _node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """`pathlib.Path(a, b)`, `.joinpath(c)`, `Path.home()`."""
    text = "/".join(known(item)[:500] for item in given.positional[:16])
    if name.endswith((".home", ".cwd")):
        text = "~" if name.endswith("home") else "."
    elif name.endswith(".joinpath"):
        text = f"{known(callee)}/{text}"
    return V(bits=given.bits | callee.bits, names=("pathlib.Path()",), text=text)


def write_somewhere(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """Text written to a file of no known name: it may be code that is run next."""
    report_call(walk, node, name, given, callee)
    walk.guess(node, given.positional[-1] if given.positional else NONE)
    return V(bits=callee.bits)


def set_up(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """`setup(cmdclass={"install": X})`: pip makes an X and runs it."""
    report_call(walk, node, name, given, callee)
    commands = given.keywords.get("cmdclass", NONE).inner
    for value in commands.values() if type(commands) is dict else ():
        of = value.inner
        if type(of) is ClassValue:
            walk.also_called.update(
                (walk.region, f".{of.name}.{method}") for method in of.attributes
            )
    return NONE


def path_read(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """`Path.read_text()` and its like."""
    report_call(
        walk,
        node,
        name,
        Arguments(given.positional, {**given.keywords, "<file>": V(text=callee.text)}),
        callee,
    )
    if name.endswith(".open"):
        return open_file(
            walk,
            node,
            "builtins.open",
            Arguments([V(text=callee.text), *given.positional], given.keywords),
            callee,
        )
    path = V(text=callee.text)
    return V(bits=FILE | path_bits(walk.catalogue, path), inner=Made(READ, [path], {}))


def path_write(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """`Path.write_text(…)` and its like."""
    report_call(
        walk,
        node,
        name,
        Arguments(given.positional, {**given.keywords, "<file>": V(text=callee.text)}),
        callee,
    )
    if callee.text.lower().endswith((".py", ".pyw", ".pth")):
        _read_text(walk, node, given.get(0), "written")
    return NONE


def same_text(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """Functions of paths and texts whose result still shows what went in."""
    entry = walk.catalogue.look_up(name)
    if entry.roles - {"environment.read"}:
        report_call(walk, node, name, given, callee)
    base = given.get(0)
    if name == "os.path.dirname":
        return V(
            text=known(base).rpartition("/")[0] if HOLE not in known(base) else "", bits=base.bits
        )
    return V(
        UNSET,
        known(base).replace(HOLE, "") and known(base)[:4000],
        given.bits,  # a request carries its data, too
        (),
        base.layer,
        base.inner if type(base.inner) in {list, dict} else None,
    )


# --- code from text


def execute(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """`exec`, `eval`: what the text comes to is read in turn."""
    report_call(walk, node, name, given, callee)
    source = given.get(0, "source")
    made = source.inner
    if type(made) is Made and made.name == "builtins.compile":
        source = made.arguments[0] if made.arguments else made.keywords.get("source", NONE)
    note_source(walk, node, source)
    result = _read_text(walk, node, source, "eval" if name == "builtins.eval" else "exec")
    return V(
        result.const,
        result.text,
        result.bits | (given.bits & ~CODE),
        result.names,
        result.layer,
        result.inner,
        result.built,
        hidden=bool(result.names),
    )


def compile_text(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """`compile(source, …)`."""
    report_call(walk, node, name, given, callee)
    source = given.get(0, "source")
    if source.const is not UNSET:
        _read_text(walk, node, source, "compile")
    return V(
        bits=given.bits | CODE,
        text=known(source)[:_SOURCE_CHARACTERS] if source.const is not UNSET else source.text,
        inner=Made("builtins.compile", given.positional, given.keywords),
        layer=source.layer,
    )


def _read_text(walk: Walk, node: Node, source: V, how: str) -> V:
    const = source.const
    if type(const) in {bytes, bytearray}:
        const = bytes(const).decode("utf-8", "replace")
    if type(const) is not str or walk.read_inner is None:
        return NONE
    saved = walk.site, walk.layer
    walk.site = walk.here(node)
    try:
        return walk.read_inner(walk, const, how)
    finally:
        walk.site, walk.layer = saved


def load(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """`marshal.loads(…)`: never loaded; its printable strings are texts."""
    report_call(walk, node, name, given, callee)
    data = given.get(0)
    layer = data.layer + 1
    if type(data.const) in {bytes, bytearray}:
        for text in printable_strings(bytes(data.const)):
            walk.made(node, V(text, layer=layer))
    return V(bits=given.bits | CODE | DECODED, names=(f"{name}()",), layer=layer)


# --- network and processes


def run(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """A process is started: its output, and Python handed to it as text."""
    report_call(walk, node, name, given, callee)
    command = given.get(0, "args")
    words = _words(command, given)
    for position, word in enumerate(words[:-1]):
        if (
            word.const == "-c"
            and position
            and "python"
            in known(words[0]).lower()
            + ("python" if "executable" in "".join(words[0].names) else "")
        ):
            _read_text(walk, node, words[position + 1], "exec")
    code = given.keywords.get("input", NONE)
    if code.const is not UNSET and words and "python" in known(words[0]).lower():
        _read_text(walk, node, code, "exec")
    for word in words[:_COMMAND_WORDS]:
        if known(word)[-_SUFFIX:].lower() == ".py":
            note_path(walk, node, word)
    bits = command_bits(walk.catalogue, command)
    return V(bits=bits | given.bits, names=(f"{name}()",))


def _words(command: V, given: Arguments) -> list[V]:
    if type(command.inner) is list:
        return command.inner
    if type(command.const) in {list, tuple}:
        return [V(item) for item in command.const[:64]]
    if type(command.const) is str:
        return _shell_words(command.const)
    return given.positional


def _shell_words(text: str) -> list[V]:
    """`python -c "…"` in a shell command: everything in the quotes after -c."""
    head, found, tail = text.partition(" -c ")
    tail = tail.strip()
    if not found or "python" not in head or len(tail) < 2 or tail[0] not in "\"'":  # noqa: PLR2004 - a pair of quotes
        return []
    end = tail.rfind(tail[0])
    code = tail[1:end] if end > 0 else tail[1:]
    return [V(head.split()[-1] if head.split() else ""), V("-c"), V(code.replace('\\"', '"'))]


def start(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """A function is handed over to be called: `Thread(target=f, args=(x,))`, `atexit.register(f, x)`."""
    from pratique.vet.python.calls import call_value  # noqa: PLC0415 - the two need each other
    from pratique.vet.python.expressions import spread  # noqa: PLC0415 - the two need each other

    report_call(walk, node, name, given, callee)
    target = given.keywords.get("target", NONE)
    position = 1 if name.endswith("Timer") else 0
    if target is NONE:
        target = given.get(position)
    arguments = given.keywords.get("args")
    if arguments is not None:
        handed = spread(arguments)
    elif "start_new" in name or name.endswith("Timer"):
        handed = spread(given.get(position + 1)) if len(given.positional) > position + 1 else []
    else:
        handed = given.positional[position + 1 :]
    if type(target.inner) in {Routine, Bound, Partial} or any(
        walk.catalogue.look_up(item).roles for item in target.names
    ):
        call_value(walk, node, target, handed, {}, receiver=NONE, written="")
    return V(bits=given.bits, names=(f"{name}()",))
