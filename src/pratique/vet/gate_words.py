"""Words of deeds for the gate, taken from the catalogue: one for each name that an analysis may know.

Owns: which component of a dotted name must occur in every source that uses it. Usually that is the module
(`paramiko`); in modules that every program uses it is a rarer component (`os.popen`: `popen`), since an
alias can hide either but not both.
"""

from __future__ import annotations

from collections import defaultdict
from enum import IntFlag
from typing import Final, NamedTuple

from pratique.vet.catalogue import Catalogue


class Hit(IntFlag):
    """What occurs in a text; several at once."""

    EXECUTE = 1 << 0
    """Runs text or bytes as code."""
    IMPORTER = 1 << 1
    """Imports by a text, or reaches names through texts in a way that ordinary code hardly needs."""
    ATTRIBUTE = 1 << 2
    """Reaches names through texts in a way that ordinary code needs too: `getattr`."""
    PROCESS = 1 << 3
    NETWORK = 1 << 4
    DECODE = 1 << 5
    """Decodes, decrypts, unpacks."""
    CHARACTERS = 1 << 6
    """Puts text together from characters: only a hint beside others."""
    SENSITIVE = 1 << 7
    """Places and names of credentials, wallets, browser stores, cloud metadata."""
    HOST = 1 << 8
    ENVIRON = 1 << 9
    PERSIST = 1 << 10
    """Places and names of what runs again later, of itself."""
    SPY = 1 << 11
    COMMAND = 1 << 12
    """Shells and tools in command lines."""
    URL = 1 << 13
    RAW_ADDRESS = 1 << 14
    """Addresses without a name, and services that malware likes to be served by."""
    NATIVE = 1 << 15
    BLOB = 1 << 16
    """A long run of encoded characters."""
    LONG_LINE = 1 << 17
    BLANKS = 1 << 18
    """Code pushed out of sight by blanks; found by `RUNS_OF_BLANKS`, quicker than by a pattern."""
    HOOK = 1 << 19
    """Hooks of building, of imports, of the interpreter's start and end."""
    FILES = 1 << 20
    """Writes or removes files."""
    PACKER = 1 << 21
    """Marks of known packers."""
    AGENT = 1 << 22
    """Words that speak to a language model rather than to a person."""
    SECRET_WORD = 1 << 23
    """Words that stand beside secrets, and in every second honest program."""
    ODD = 1 << 24
    """Not plain text in a Python sense: other encodings, letters that look like others, NUL."""
    CALLS = 1 << 25
    """Imports something and calls something: no deed by itself, but it may start what another file holds.
    Found without a pattern."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


COMMON_MODULES: Final = _words(
    "os sys builtins io json re time types logging pathlib inspect ast asyncio threading numpy pandas "
    "multiprocessing concurrent signal shutil tempfile codecs gc email ssl setuptools "
    "pkg_resources argparse click optparse glob fileinput locale platform uuid tqdm unittest operator "
    "six future test importlib tokenize linecache configparser ConfigParser weakref resource http "
    "py trace bytes bytearray request requests_"
)
"""Modules (and words) that say little when they occur: of these a rarer component of each name counts."""

COMMON_WORDS: Final = _words(
    "run get post put send read write open update append insert clear pop items keys values copy close "
    "start stop request create load loads dump query decode encode main exit call move rename exists "
    "info install path print join register connect compile eval exec execfile input upload clone parse "
    "find_packages setup Extension replace remove string test util machinery connection request server "
    "client core command dist home Client Path metadata function files spawn push stack data Process "
    "Pool Thread Timer Event sleep submit map version system node machine processor release python_version "
    "environ StreamReader StreamWriter Session subprocess queue signal wait head quit link "
    "find_spec listdir walk working_set getattr setattr delattr vars locals __init__ loader stdin "
    "modules resources reload interact get_event_loop get_running_loop utils object type moves support "
    "require readline __contains__ __getitem__ __iter__ __repr__ __setitem__ setdefault lookup finalize "
    "process Distribution _vendor __main__ _internal get_objects architecture tzname _distutils "
    "build_meta expanduser expandvars getcwd getcwdb getpid cpu_count platform version_info chdir umask "
    "get_data getlocale getdefaultlocale distributions lib2to3 code"
)
"""Components that name too many other things to say anything alone."""

CLASS_OF_ROLE: Final = {
    "network": Hit.NETWORK, "process": Hit.PROCESS, "process.list": Hit.HOST, "pip": Hit.PROCESS,
    "code": Hit.EXECUTE, "code.import": Hit.IMPORTER, "name": Hit.IMPORTER, "monkey": Hit.HOOK,
    "import": Hit.HOOK, "exit": Hit.HOOK, "analysis": Hit.HOOK, "build": Hit.HOOK,
    "native": Hit.NATIVE, "decrypt": Hit.DECODE, "decode": Hit.DECODE, "encrypt": Hit.DECODE,
    "screen": Hit.SPY, "camera": Hit.SPY, "keys": Hit.SPY, "clipboard": Hit.SPY,
    "browser": Hit.SENSITIVE, "credential": Hit.SENSITIVE, "persistence": Hit.PERSIST,
    "registry": Hit.PERSIST, "file": Hit.FILES, "file.read": Hit(0), "file.list": Hit(0),
    "host": Hit.HOST, "environment": Hit.ENVIRON, "thread": Hit(0), "sleep": Hit(0),
    "input": Hit(0), "system": Hit(0),
}  # fmt: skip
"""What a role, or its family, counts as; nothing for what no analysis looks at alone. A role that is not
named here counts as executing, so that a new one is never overlooked."""


class Words(NamedTuple):
    """Words of one class."""

    modules: set[str]
    """Count where they are imported."""
    components: set[str]
    """Count anywhere."""


def words_of_catalogue(names: Catalogue) -> dict[Hit, Words]:
    """For each name of the catalogue with a deed, one word that must occur wherever it is used."""
    found: dict[Hit, Words] = {}
    spellings = _spellings(names)
    for name, entry in names.entries():
        if not (word := telling_word(name)):
            continue
        for role in entry.roles:
            family = role.partition(".")[0]
            hit = CLASS_OF_ROLE.get(role, CLASS_OF_ROLE.get(family, Hit.EXECUTE))
            if not hit:
                continue
            words = found.setdefault(hit, Words(set(), set()))
            for spelling in {word, *spellings.get(word, ())}:
                is_module = name.startswith(word)
                (words.modules if is_module else words.components).add(spelling)
    return found


def _spellings(names: Catalogue) -> dict[str, set[str]]:
    """Telling word → telling words of its other spellings (`urllib` → `urllib2`)."""
    found: dict[str, set[str]] = defaultdict(set)
    for other, usual in names.aliases().items():
        word, alias = telling_word(usual), telling_word(other)
        if word and alias:
            found[word].add(alias)
    return found


def telling_word(name: str) -> str:
    """The component of a dotted name that says most; "" for names that are covered by hand."""
    module, *rest = name.replace("()", "").split(".")
    if module not in COMMON_MODULES and module not in {"", "?"}:
        return module
    rare = [part for part in rest if part.isidentifier() and part not in COMMON_WORDS]
    # The one nearest to the module, since what comes after may be called on a value passed elsewhere.
    return rare[0] if rare else ""
