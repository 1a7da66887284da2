"""Which files are machine code, by their bytes' form."""

from __future__ import annotations

from pratique.vet.model import ContentFacts, Language
from pratique.vet.release.paths import module_stem

FORMS = {"elf": "elf", "pe": "pe", "mach-o": "macho", "wasm": "wasm"}
"""Words of `ContentFacts.form` → kind of machine code."""


def native_kind(path: str, facts: ContentFacts) -> str:
    """`elf`, `pe`, `macho`, `wasm`, `native` when only the name tells; "" when it is no machine code."""
    kind = FORMS.get(facts.form, "")
    if kind or facts.language is not Language.NATIVE:
        return kind
    return "native" if path.endswith((".so", ".pyd", ".dll", ".dylib", ".exe")) else ""


def is_module(path: str) -> bool:
    """Whether Python imports it; other machine code must be loaded or started by code."""
    return module_stem(path) is not None
