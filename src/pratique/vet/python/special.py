"""Well-known functions that mean more than their labels: lookups by name, files, code from text, commands."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import msgspec

from pratique.vet.catalogue import Entry
from pratique.vet.model import Import
from pratique.vet.python import operations
from pratique.vet.python.blobs import decrypted, digest_of, printable_strings
from pratique.vet.python.labels import BROWSER, CODE, DECODED, FILE, NETWORK, SECRET, bits_of
from pratique.vet.python.limits import Spent
from pratique.vet.python.lookups import (
    address_bits,
    command_bits,
    from_namespace,
    item_of_names,
    member_named,
    module_named,
    path_bits,
    sensitive_environment,
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
    Instance,
    Made,
    Partial,
    Routine,
    V,
    joined_bits,
    known,
)
from pratique.vet.python.walk import Walk


class Arguments(msgspec.Struct):
    """What a call is given."""

    positional: list[V]
    keywords: dict[str, V]

    def get(self, position: int, keyword: str = "") -> V:
        """One argument, by place or by name."""
        if position < len(self.positional):
            return self.positional[position]
        return self.keywords.get(keyword, NONE)

    @property
    def bits(self) -> int:
        """Labels of all of them."""
        return joined_bits(self.positional) | joined_bits(self.keywords.values())


Special = Callable[[Walk, Any, str, Arguments, V], "V | None"]


def _report(
    walk: Walk, node: Node, name: str, given: Arguments, callee: V, entry: Entry | None = None
) -> None:
    walk.report(
        node,
        name,
        entry or walk.catalogue.look_up(name),
        given.positional,
        given.keywords,
        hidden=callee.hidden,
    )


# --- names


def _get_attribute(walk: Walk, node: Node, _name: str, given: Arguments, callee: V) -> V | None:
    """`getattr(os, "sys" + "tem")`."""
    from pratique.vet.python.expressions import attribute_of  # noqa: PLC0415 - the two need each other

    base, key = given.get(0), given.get(1)
    if type(key.const) is str and len(key.const) < 200:  # noqa: PLR2004 - no name is longer
        found = attribute_of(walk, base, key.const)
        return V(
            found.const,
            found.text,
            found.bits,
            found.names,
            found.layer,
            found.inner,
            found.built,
            hidden=True,
        )
    if base.names:
        _report(walk, node, "builtins.getattr", given, callee)
        return V(
            bits=key.bits, names=tuple(f"{item}.{HOLE}" for item in base.names[:2]), hidden=True
        )
    return V(bits=given.bits)


def _set_attribute(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    base, key, value = given.get(0), given.get(1), given.get(2)
    if base.names:
        _report(walk, node, name, given, callee)
    of = base.inner.of if type(base.inner) is Instance else base.inner
    if type(of) is ClassValue and type(key.const) is str:
        of.attributes[key.const] = value
    return PYTHON_NONE


def _import_name(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """`__import__("o" + "s")`, `importlib.import_module(…)`."""
    _report(walk, node, name, given, callee)
    key = given.get(0, "name")
    if type(key.const) is str and not key.const.startswith("."):
        site = walk.here(node)
        walk.made_imports.append(Import(module=key.const[:200], region=site.region, line=site.line))
        if (
            name == "builtins.__import__"
            and "." in key.const
            and len(given.positional) < 4
            and "fromlist" not in given.keywords
        ):
            return V(names=(key.const.partition(".")[0],), hidden=True)
    return module_named(walk, key)


def _namespace(walk: Walk, _node: Node, name: str, given: Arguments, _callee: V) -> V | None:
    if name == "builtins.vars" and given.positional:
        base = given.get(0)
        if base.names:
            return V(names=tuple(f"{item}.__dict__" for item in base.names), hidden=True)
        return V(bits=base.bits)
    return V(names=("builtins.globals()",))


def _namespace_get(walk: Walk, _node: Node, name: str, given: Arguments, _callee: V) -> V | None:
    """`globals().get("x")`, `os.__dict__.get("x")`, `sys.modules.get("x")`."""
    head = name.rpartition(".")[0]
    if head == "builtins.globals()":
        return from_namespace(walk, given.get(0))
    if head == "sys.modules":
        return module_named(walk, given.get(0))
    return member_named(walk, head.removesuffix(".__dict__"), given.get(0))


def _environment_get(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    _report(walk, node, name, given, callee)
    default = given.get(1, "default")
    key = given.get(0, "key")
    return V(
        bits=sensitive_environment(walk.catalogue, key) | default.bits,
        text=known(default).replace(HOLE, ""),
    )


def _type_of(_walk: Walk, _node: Node, _name: str, given: Arguments, _callee: V) -> V | None:
    base = given.get(0)
    if len(given.positional) > 1:
        return V(bits=given.bits)
    if type(base.inner) in {Routine, Bound}:
        return V(names=("types.FunctionType",), hidden=True)
    if base.bits & CODE:
        return V(names=("types.CodeType",), hidden=True)
    if type(base.inner) is Instance:
        return V(inner=base.inner.of)
    if base.const is not UNSET and type(base.const) in operations.PLAIN:
        return V(names=(f"builtins.{type(base.const).__name__}",))
    return NONE


def _partial(_walk: Walk, _node: Node, _name: str, given: Arguments, _callee: V) -> V | None:
    return V(bits=given.bits, inner=Partial(given.get(0), given.positional[1:], given.keywords))


def _mapped(walk: Walk, node: Node, name: str, given: Arguments, _callee: V) -> V | None:
    """`map(f, xs)`: f is called with an element of xs."""
    from pratique.vet.python.calls import call_value  # noqa: PLC0415 - the two need each other
    from pratique.vet.python.evaluator import evaluate_map  # noqa: PLC0415 - the two need each other
    from pratique.vet.python.expressions import spread  # noqa: PLC0415 - the two need each other

    folded = evaluate_map(walk, name, given.positional)
    if folded is not None:
        return walk.made(node, folded)
    target, rest = given.get(0), given.positional[1:]
    if target.const is None or not rest:
        return V(bits=given.bits, inner=rest[0].inner if rest else None)
    columns = [spread(item)[:16] for item in rest]
    results = [
        call_value(walk, node, target, list(row), {}, receiver=NONE, written="")
        for row in zip(*columns, strict=False)
    ]
    if name in {"builtins.filter", "functools.reduce"}:
        return V(bits=given.bits, inner=columns[0])
    return V(bits=given.bits | joined_bits(results), inner=results)


def _operate(walk: Walk, _node: Node, name: str, given: Arguments, _callee: V) -> V | None:
    """`operator.add(a, b)`."""
    one, other = given.get(0), given.get(1)
    kind = _OPERATORS[name.rpartition(".")[2]]
    if one.const is UNSET or other.const is UNSET:
        return V(
            bits=given.bits, text=f"{known(one)}{known(other)}"[:4000] if kind is ast.Add else ""
        )
    try:
        return V(operations.binary(kind, one.const, other.const, walk.budget), "", given.bits)
    except Spent:
        return V(bits=given.bits)


def _kept(_walk: Walk, _node: Node, name: str, given: Arguments, _callee: V) -> V | None:
    """A call whose arguments a later call needs."""
    return V(
        bits=given.bits, names=(f"{name}()",), inner=Made(name, given.positional, given.keywords)
    )


def _cipher(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """`Fernet(key).decrypt(token)` and its like; the callee is an attribute of what `kept` made."""
    _report(walk, node, name, given, callee)
    bits = given.bits | callee.bits | DECODED
    made = callee.inner
    if type(made) is Made:
        result = decrypted(made, given.positional, walk.budget)
        if result is not None:
            layer = max((item.layer for item in given.positional), default=0) + 1
            return walk.made(node, V(result, "", bits, (), layer))
    return V(bits=bits)


def _hashed(walk: Walk, _node: Node, name: str, _given: Arguments, callee: V) -> V | None:
    made = callee.inner
    if type(made) is Made:
        result = digest_of(made, name, walk.budget)
        if result is not None:
            return V(result)
    return V(bits=callee.bits)


# --- files and paths


def _open_file(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    path, mode = given.get(0, "file"), given.get(1, "mode")
    word = mode.const if type(mode.const) is str else "r" if mode is NONE else ""
    writes = any(letter in word for letter in "wax+")
    entry = (
        walk.catalogue.look_up("builtins.open().write") if writes else walk.catalogue.look_up(name)
    )
    _report(walk, node, name, given, callee, entry)
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
        base.bits |= joined_bits(arguments) & ~DECODED
        return PYTHON_NONE
    if attr in {"read", "readlines", "readline"}:
        entry = walk.catalogue.look_up("builtins.open().read")
        walk.report(
            node, f"builtins.open().{attr}", entry, arguments, {**keywords, "<file>": opened.path}
        )
        return V(bits=base.bits | FILE)
    if attr in {"__enter__", "seek", "__iter__"}:
        return base
    return V(bits=base.bits)


def _path_of(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """`pathlib.Path(a, b)`, `.joinpath(c)`, `Path.home()`."""
    text = "/".join(known(item)[:500] for item in given.positional[:16])
    if name.endswith(".home") or name.endswith(".cwd"):
        text = "~" if name.endswith("home") else "."
    elif name.endswith(".joinpath"):
        text = f"{known(callee)}/{text}"
    return V(bits=given.bits | callee.bits, names=("pathlib.Path()",), text=text)


def _path_read(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    _report(
        walk,
        node,
        name,
        Arguments(given.positional, {**given.keywords, "<file>": V(text=callee.text)}),
        callee,
    )
    if name.endswith(".open"):
        return _open_file(
            walk,
            node,
            "builtins.open",
            Arguments([V(text=callee.text), *given.positional], given.keywords),
            callee,
        )
    return V(bits=FILE | path_bits(walk.catalogue, V(text=callee.text)))


def _path_write(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    _report(
        walk,
        node,
        name,
        Arguments(given.positional, {**given.keywords, "<file>": V(text=callee.text)}),
        callee,
    )
    if callee.text.lower().endswith((".py", ".pyw", ".pth")):
        _read_text(walk, node, given.get(0), "written")
    return NONE


def _same_text(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """Functions of paths and texts whose result still shows what went in."""
    entry = walk.catalogue.look_up(name)
    if entry.roles - {"environment.read"}:
        _report(walk, node, name, given, callee)
    base = given.get(0)
    if name == "os.path.dirname":
        return V(
            text=known(base).rpartition("/")[0] if HOLE not in known(base) else "", bits=base.bits
        )
    return V(
        UNSET,
        known(base).replace(HOLE, "") and known(base)[:4000],
        base.bits,
        (),
        base.layer,
        base.inner if type(base.inner) in {list, dict} else None,
    )


# --- code from text


def _execute(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """`exec`, `eval`: what the text comes to is read in turn."""
    _report(walk, node, name, given, callee)
    source = given.get(0, "source")
    made = source.inner
    if type(made) is Made and made.name == "builtins.compile":
        source = made.arguments[0] if made.arguments else made.keywords.get("source", NONE)
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


def _compile_text(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    _report(walk, node, name, given, callee)
    source = given.get(0, "source")
    if source.const is not UNSET:
        _read_text(walk, node, source, "compile")
    return V(
        bits=given.bits | CODE,
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


def _load(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """`marshal.loads(…)`: never loaded; its printable strings are texts."""
    _report(walk, node, name, given, callee)
    data = given.get(0)
    layer = data.layer + 1
    if type(data.const) in {bytes, bytearray}:
        for text in printable_strings(bytes(data.const)):
            walk.made(node, V(text, layer=layer))
    return V(bits=given.bits | CODE | DECODED, names=(f"{name}()",), layer=layer)


# --- network and processes


def _run(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """A process is started: its output, and Python handed to it as text."""
    _report(walk, node, name, given, callee)
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


def _receive(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """Something is asked of the network."""
    _report(walk, node, name, given, callee)
    address = given.get(1 if name.endswith(".request") else 0, "url")
    bits = bits_of(walk.catalogue.look_up(name).labels) | address_bits(walk.catalogue, address)
    kept_labels = (given.bits | callee.bits) & ~(SECRET | BROWSER)
    return V(bits=bits | NETWORK | (kept_labels & CODE), names=(f"{name}()",))


def _start(walk: Walk, node: Node, name: str, given: Arguments, callee: V) -> V | None:
    """A function is handed over to be called: `Thread(target=f, args=(x,))`, `atexit.register(f, x)`."""
    from pratique.vet.python.calls import call_value  # noqa: PLC0415 - the two need each other
    from pratique.vet.python.expressions import spread  # noqa: PLC0415 - the two need each other

    _report(walk, node, name, given, callee)
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


_OPERATORS: dict[str, type[ast.operator]] = {
    "add": ast.Add, "concat": ast.Add, "iadd": ast.Add, "mul": ast.Mult, "sub": ast.Sub, "xor": ast.BitXor, "mod": ast.Mod, "or_": ast.BitOr, "and_": ast.BitAnd,
}  # fmt: skip


def _attribute_getter(walk: Walk, _node: Node, made: Made, given: Arguments) -> V:
    """`operator.attrgetter("system")(os)`, `methodcaller("system", cmd)(os)`."""
    from pratique.vet.python.calls import call_value  # noqa: PLC0415 - the two need each other
    from pratique.vet.python.expressions import attribute_of  # noqa: PLC0415 - the two need each other

    value = given.get(0)
    key = made.arguments[0] if made.arguments else NONE
    if type(key.const) is not str:
        return V(bits=given.bits)
    for part in key.const[:200].split("."):
        value = attribute_of(walk, value, part)
    value = V(
        value.const,
        value.text,
        value.bits,
        value.names,
        value.layer,
        value.inner,
        value.built,
        hidden=True,
    )
    if made.name == "operator.methodcaller":
        return call_value(
            walk, _node, value, made.arguments[1:], made.keywords, receiver=given.get(0), written=""
        )
    return value


def _item_getter(walk: Walk, node: Node, made: Made, given: Arguments) -> V:
    base, key = given.get(0), made.arguments[0] if made.arguments else NONE
    if base.names:
        return item_of_names(walk, node, base, key)
    return V(bits=given.bits)


def _codec_getter(walk: Walk, node: Node, made: Made, given: Arguments) -> V:
    """`codecs.getdecoder("rot13")(x)` answers a pair."""
    from pratique.vet.python.calls import call_name  # noqa: PLC0415 - the two need each other

    codec = made.arguments[:1]
    value = call_name(walk, node, "codecs.decode", NONE, [given.get(0), *codec], {}, NONE)
    return V(bits=value.bits, inner=[value, NONE])


AFTER: dict[str, Callable[[Walk, Any, Made, Arguments], V]] = {
    "operator.attrgetter": _attribute_getter,
    "operator.methodcaller": _attribute_getter,
    "operator.itemgetter": _item_getter,
    "codecs.getdecoder": _codec_getter,
}

SPECIAL: dict[str, Special] = {
    "builtins.getattr": _get_attribute,
    "inspect.getattr_static": _get_attribute,
    "builtins.setattr": _set_attribute,
    "builtins.__import__": _import_name,
    "importlib.import_module": _import_name,
    "importlib.__import__": _import_name,
    "builtins.globals": _namespace,
    "builtins.locals": _namespace,
    "builtins.vars": _namespace,
    "builtins.globals().get": _namespace_get,
    "builtins.globals().__getitem__": _namespace_get,
    "builtins.__dict__.get": _namespace_get,
    "builtins.__dict__.__getitem__": _namespace_get,
    "sys.modules.get": _namespace_get,
    "sys.modules.__getitem__": _namespace_get,
    "os.__dict__.get": _namespace_get,
    "os.getenv": _environment_get,
    "os.getenvb": _environment_get,
    "os.environ.get": _environment_get,
    "os.environ.pop": _environment_get,
    "os.environb.get": _environment_get,
    "os.environ.__getitem__": _environment_get,
    "builtins.type": _type_of,
    "functools.partial": _partial,
    "functools.reduce": _mapped,
    "builtins.map": _mapped,
    "builtins.filter": _mapped,
    "itertools.starmap": _mapped,
    "operator.attrgetter": _kept,
    "operator.methodcaller": _kept,
    "operator.itemgetter": _kept,
    "codecs.getdecoder": _kept,
    "builtins.open": _open_file,
    "aiofiles.open": _open_file,
    "pathlib.Path": _path_of,
    "pathlib.PurePath": _path_of,
    "pathlib.PosixPath": _path_of,
    "pathlib.WindowsPath": _path_of,
    "pathlib.Path.home": _path_of,
    "pathlib.Path.cwd": _path_of,
    "pathlib.Path().joinpath": _path_of,
    "pathlib.Path().read_text": _path_read,
    "pathlib.Path().read_bytes": _path_read,
    "pathlib.Path().open": _path_read,
    "pathlib.Path().write_text": _path_write,
    "pathlib.Path().write_bytes": _path_write,
    "os.path.expanduser": _same_text,
    "os.path.expandvars": _same_text,
    "os.path.abspath": _same_text,
    "os.path.realpath": _same_text,
    "os.path.normpath": _same_text,
    "os.path.normcase": _same_text,
    "os.path.dirname": _same_text,
    "os.fspath": _same_text,
    "shlex.split": _same_text,
    "shlex.quote": _same_text,
    "shlex.join": _same_text,
    "json.dumps": _same_text,
    "textwrap.dedent": _same_text,
    "pathlib.Path().expanduser": _path_of,
    "urllib.request.Request": _same_text,
    "builtins.exec": _execute,
    "builtins.eval": _execute,
    "six.exec_": _execute,
    "builtins.compile": _compile_text,
    "marshal.loads": _load,
    "pickle.loads": _load,
    "dill.loads": _load,
    "cloudpickle.loads": _load,
    "threading.Thread": _start,
    "threading.Timer": _start,
    "threading._thread.start_new_thread": _start,
    "threading._thread.start_new": _start,
    "multiprocessing.Process": _start,
    "atexit.register": _start,
    "concurrent.futures.ThreadPoolExecutor().submit": _start,
    "concurrent.futures.ProcessPoolExecutor().submit": _start,
    **{f"operator.{name}": _operate for name in _OPERATORS},
    **dict.fromkeys(("cryptography.fernet.Fernet", "fernet.Fernet", "Crypto.Cipher.AES.new", "Crypto.Cipher.ARC4.new", "hashlib.md5", "hashlib.sha1", "hashlib.sha256", "hashlib.sha512"), _kept),
    **{
        f"{name}().{method}": _cipher
        for name, method in (
            ("cryptography.fernet.Fernet", "decrypt"), ("fernet.Fernet", "decrypt"), ("Crypto.Cipher.AES.new", "decrypt"), ("Crypto.Cipher.ARC4.new", "decrypt"),
            ("Crypto.Cipher.ARC4.new", "encrypt"),
        )
    },
    **{f"hashlib.{name}().{method}": _hashed for name in ("md5", "sha1", "sha256", "sha512") for method in ("digest", "hexdigest")},
}  # fmt: skip
_RUNNERS = (
    "os.system", "os.popen", "subprocess.Popen", "subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.check_output",
    "subprocess.getoutput", "subprocess.getstatusoutput", "os.execl", "os.execlp", "os.execv", "os.execvp", "os.execvpe", "os.spawnl", "os.spawnv", "os.spawnvp",
    "os.spawnlp", "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell", "pty.spawn",
)  # fmt: skip
SPECIAL.update(dict.fromkeys(_RUNNERS, _run))
