"""Sources inside the source: text that reaches `exec`, `python -c` or a `.py` file is read in turn."""

from __future__ import annotations

import ast

from pratique.vet.python.limits import Spent
from pratique.vet.python.parse import parsed, too_large
from pratique.vet.python.scan import scan
from pratique.vet.python.summaries import generic
from pratique.vet.python.values import NONE, V
from pratique.vet.python.walk import SeenText, Walk

_SHORTEST = 3
"""No shorter text calls anything."""


def read_inner(walk: Walk, text: str, how: str) -> V:
    """Read a text as Python, as part of the source it stands in; `eval` answers its value."""
    site = walk.site
    limits = walk.budget.limits
    if site is None or len(text) < _SHORTEST:
        return NONE
    key = (text, how, site)
    if key in walk.decoded_seen:
        known: V = walk.decoded_seen[key]
        return known
    if _over_limit(walk, text):
        return NONE
    walk.decoded_seen[key] = NONE
    walk.inner_left -= len(text)
    if too_large(text, limits):
        walk.unfinished.append("a decoded source is too large to be parsed")
        return NONE
    found = parsed(text.strip("\n") if how != "eval" else text.strip(), salvage=how != "guess")
    if found is None:
        return NONE
    result = _walk(walk, text, found.tree, how)
    walk.decoded_seen[key] = result
    return result


def _over_limit(walk: Walk, text: str) -> bool:
    """Whether this is one inner source too many, said once."""
    limits = walk.budget.limits
    if walk.layer >= limits.layers:
        sentence = f"sources more than {limits.layers} decodings deep were not read"
    elif len(walk.decoded_seen) >= limits.inner_sources:
        sentence = f"more than {limits.inner_sources} sources inside the source were not read"
    elif len(text) > walk.inner_left:
        sentence = f"more than {limits.inner_bytes} bytes of decoded sources were not read"
    else:
        return False
    if sentence not in walk.unfinished:
        walk.unfinished.append(sentence)
    return True


def _walk(walk: Walk, text: str, tree: ast.Module, how: str) -> V:
    walk.remember.append(tree)
    found = scan(tree, shortest_text=walk.budget.limits.text_characters)
    assert walk.site is not None
    if text not in walk.inner and how != "eval":
        walk.inner.append(text)
    walk.layer += 1
    for item in found.texts:
        value = item.node.value
        word = (
            value
            if isinstance(value, str)
            else value.decode("latin-1")
            if isinstance(value, bytes)
            else ""
        )
        walk.made_texts.setdefault((word, walk.layer), SeenText(word, walk.site, walk.layer))
    walk.made_imports.extend(
        type(item)(module=item.module, name=item.name, region=walk.site.region, line=walk.site.line)
        for item in found.imports
    )
    saved = walk.scopes, walk.pending
    walk.pending = []
    if how in {"written", "guess"}:
        walk.scopes = [{}]
    try:
        if how == "eval" and len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr):
            return walk.expr(tree.body[0].value)
        walk.body(tree.body)
        for routine in walk.pending:
            generic(walk, routine)
    except Spent:
        walk.unfinished.append("following values in a decoded source took more steps than allowed")
    finally:
        walk.layer -= 1
        walk.scopes, walk.pending = saved
    return NONE
