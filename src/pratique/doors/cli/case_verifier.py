"""Verify a case file (case.xpz) offline: this one file, Python and `cryptography`, nothing else.

    python verify.py case.xpz [--key NAME+HEXID+BASE64] [--json]

It reads the file, writes nothing and asks nobody. Every byte is either signed, hashed into what is
signed, or the only spelling that its place allows. It shows that the statements of the log in the
file were logged as they stand, and that the answer cites only them. It does not show that what was
logged is true, that the answer follows from it, or that the page says what the answer says: those
need the program that made them (`pratique verify`). Do not run a copy that came with the case.
Format: docs/reference/bundle-format.md of Pratique.

Exit code 0: every byte holds. 1: something does not. 2: the file or the key cannot be read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import struct
import sys
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "pratique-case/v1"
PREDICATE = "urn:pratique:exposure/v1"
MAX_BYTES = 2_000_000_000
MAX_MEMBERS = 65_535
MAX_LEAF = 60_000
MAX_JSON = 200_000_000
MAX_UNFOLDED = 100_000_000
EMPTY_CONTENT = hashlib.sha256(b"").hexdigest()[:32]
NAMES = re.compile(
    r"MANIFEST|answer\.json|answer\.html|query\.json|facts\.jsonl|withheld\.jsonl|checkpoint"
    r"|verify\.py|advisory/rev[0-9]{1,6}\.json|proofs/(?:0|[1-9][0-9]{0,15})\.tlog-proof"
    r"|tsa/[0-9]{1,3}\.tsr|tsa/[0-9]{1,3}\.pem|keys/log\.vkey|evidence/[0-9a-f]{64}"
    r"|replay/[0-9]{6}\.jsonl"
)
NEEDED = ("MANIFEST", "answer.json", "answer.html", "query.json", "facts.jsonl", "withheld.jsonl",
          "checkpoint", "keys/log.vkey", "verify.py")  # fmt: skip


class CaseError(Exception):
    """The file does not hold; the message says what."""


def check_case(data: bytes, key: str | None = None) -> dict[str, Any]:
    """Check every byte; gives what was found, or raises CaseError.

    `key` is the log's verifier key from a source the reader trusts.
    """
    try:
        return _check(_read_container(data), key)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, RecursionError) as error:
        # Anybody can sign nonsense with a key of their own.
        raise CaseError(f"not a case: {type(error).__name__} at {error}") from None


def _check(members: dict[str, bytes], key: str | None) -> dict[str, Any]:
    vkey = _text(members["keys/log.vkey"]).removesuffix("\n")
    if key is not None and key != vkey:
        raise CaseError(f"signed with another key: the file has {vkey}, you gave {key}")
    name, key_id, public = _parse_key(vkey)
    if members["keys/log.vkey"] != vkey.encode() + b"\n":
        raise CaseError("keys/log.vkey is not one line")
    predicate = _check_manifest(members, key_id, public)
    origin, size, root = _open_checkpoint(_text(members["checkpoint"]), name, key_id, public)
    leaves = _check_facts(members, size, root)
    withheld = _check_withheld(members, leaves, size, root)
    contents = _check_contents(leaves, withheld)
    answer = _check_answer(members, predicate, leaves, withheld)
    _check_counts(answer)
    _check_advisories(members, leaves)
    replayed = _check_replay(members, leaves, size, root)
    log = {"origin": origin, "root": root.hex(), "size": size}
    if predicate["log"] != log or predicate["completeness"] != ("replay" if replayed else "none"):
        raise CaseError("MANIFEST says another log, or another completeness, than the file has")
    if answer["as_known_at"] > size:
        raise CaseError("the answer claims to know more entries than the checkpoint has")
    return {
        "verified": True,
        "format": FORMAT,
        "incident": predicate["incident"],
        "title": answer["title"],
        "scope": predicate["scope"],
        "made_at": predicate["made_at"],
        "asked_at": answer["asked_at"],
        "as_known_at": answer["as_known_at"],
        "answer_digest": answer["digest"],
        "counts": answer["counts"],
        "origin": origin,
        "size": size,
        "root": base64.b64encode(root).decode(),
        "verifier_key": vkey,
        "key_from": "you" if key is not None else "the file itself",
        "facts": len(leaves),
        "withheld": len(withheld),
        "contents": contents,
        "evidence": _check_evidence(members),
        "time_stamps": _look_at_stamps(members),
        "all_entries_present": replayed,
        "page_compared": False,
        "asked_again": False,
        "generator": predicate["generator"],
        "files": len(members),
    }


def members_of(data: bytes) -> dict[str, bytes]:
    """Files of a case by name; nothing but the container is checked."""
    return _read_container(data)


# --- the container: a zip file in its one spelling -------------------------------------------------

_LOCAL = struct.Struct("<4sHHHHHLLLHH")
_CENTRAL = struct.Struct("<4sHHHHHHLLLHHHHHLL")
_END = struct.Struct("<4sHHHHLLH")
ODD = "the container is not in its one spelling: something was added, removed or repacked"


def _read_container(data: bytes) -> dict[str, bytes]:
    """The members. Nothing is ever unpacked: only stored members exist."""
    if len(data) > MAX_BYTES:
        raise CaseError(f"larger than {MAX_BYTES:,} bytes")
    members: dict[str, bytes] = {}
    directory: list[bytes] = []
    place, last = 0, ""
    while data[place : place + 4] == b"PK\x03\x04":
        if place + _LOCAL.size > len(data) or len(members) >= MAX_MEMBERS:
            raise CaseError("not a case: cut off, or too many files in it")
        *_, size, name_size, extra = _LOCAL.unpack_from(data, place)
        start = place + _LOCAL.size + name_size
        raw = data[place + _LOCAL.size : start]
        if extra or start + size > len(data) or not raw.isascii():
            raise CaseError("not a case: a file in it is cut off or has an odd header")
        name = raw.decode("ascii")
        if NAMES.fullmatch(name) is None:
            raise CaseError(f"a file that does not belong in a case: {name[:80]!r}")
        if name in members:
            raise CaseError(f"two files of one name: {name}")
        members[name] = content = data[start : start + size]
        head = (20, 0, 0, 0, 33, binascii.crc32(content), size, size, len(raw), 0)
        if name < last or data[place : place + _LOCAL.size] != _LOCAL.pack(b"PK\x03\x04", *head):
            raise CaseError(ODD)
        entry = _CENTRAL.pack(b"PK\x01\x02", 788, *head, 0, 0, 0, 0o100644 << 16, place)
        directory += [entry, raw]
        place, last = start + size, name
    missing = [name for name in NEEDED if name not in members]
    if missing:
        raise CaseError(f"not a case, or not whole: {', '.join(missing)} missing")
    tail, count = b"".join(directory), len(members)
    tail += _END.pack(b"PK\x05\x06", 0, 0, count, count, len(tail), place, 0)
    if len(data) - place != len(tail) or data[place:] != tail:
        raise CaseError(ODD)
    return members


# --- spellings -------------------------------------------------------------------------------------


def _no_fraction(text: str) -> Any:  # noqa: ANN401 - never returns
    raise CaseError(f"a number that has no place here: {text[:40]}")


def _json(data: bytes, what: str, *, in_order: bool = True) -> Any:  # noqa: ANN401 - any JSON
    """Parse JSON in its one spelling: RFC 8785 for strings, integers, booleans, null, ASCII keys.

    Without `in_order` keys may stand in any order, once each.
    """
    if len(data) > MAX_JSON:
        raise CaseError(f"{what} has more than {MAX_JSON:,} bytes")
    try:
        value = json.loads(data, parse_float=_no_fraction, parse_constant=_no_fraction)
        if _canonical(value, in_order=in_order) != data:
            raise CaseError(f"{what} is not spelled canonically")
    except (ValueError, RecursionError) as error:
        raise CaseError(f"{what} is not JSON: {error}") from None
    return value


def _canonical(value: object, *, in_order: bool = True) -> bytes:
    text = json.dumps(value, sort_keys=in_order, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def _object(value: object, keys: str, what: str) -> dict[str, Any]:
    if not isinstance(value, dict) or sorted(value) != sorted(keys.split()):
        raise CaseError(f"{what} does not have exactly the keys {keys}")
    return value


def _base64(text: object) -> bytes:
    try:
        data = base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        raise CaseError(f"not base64: {str(text)[:60]!r}") from None
    if base64.b64encode(data).decode() != text:
        raise CaseError(f"not the canonical base64 of its bytes: {str(text)[:60]!r}")
    return data


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise CaseError("not UTF-8") from None


# --- keys, signatures, checkpoint ------------------------------------------------------------------


def _parse_key(vkey: str) -> tuple[str, bytes, bytes]:
    """Name, id and public key. Source: C2SP signed-note."""
    parts = vkey.split("+", 2)
    key = _base64(parts[2]) if len(parts) == 3 else b""  # noqa: PLR2004 - name, id, key
    if len(key) != 33 or key[0] != 1:  # noqa: PLR2004 - type 0x01 and 32 bytes
        raise CaseError("not an Ed25519 verifier key")
    if not parts[0] or not parts[0].isprintable() or " " in parts[0]:
        raise CaseError("a verifier key without a plain name")
    key_id = hashlib.sha256(parts[0].encode() + b"\n" + key).digest()[:4]
    if parts[1] != key_id.hex():
        raise CaseError("the verifier key does not have its key id")
    return parts[0], key_id, key[1:]


def _verify(public: bytes, signature: bytes, message: bytes, what: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise CaseError(f"the signature of the {what} does not hold") from None


def _check_manifest(members: dict[str, bytes], key_id: bytes, public: bytes) -> dict[str, Any]:
    """One signature by the log's key over the hash of every other member. Source: DSSE, in-toto."""
    envelope = _object(
        _json(members["MANIFEST"], "MANIFEST"), "payload payloadType signatures", "MANIFEST"
    )
    kind, payload = envelope["payloadType"], _base64(envelope["payload"])
    if kind != "application/vnd.in-toto+json" or not isinstance(envelope["signatures"], list):
        raise CaseError("MANIFEST is not an envelope of an in-toto statement")
    if len(envelope["signatures"]) != 1:
        raise CaseError("MANIFEST has more or fewer than one signature")
    signature = _object(envelope["signatures"][0], "keyid sig", "the signature of MANIFEST")
    if signature["keyid"] != key_id.hex():
        raise CaseError("MANIFEST is signed by another key than keys/log.vkey")
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    _verify(public, _base64(signature["sig"]), signed, "MANIFEST")
    statement = _object(
        _json(payload, "the statement"), "_type predicate predicateType subject", "the statement"
    )
    subjects = [
        {"digest": {"sha256": hashlib.sha256(members[name]).hexdigest()}, "name": name}
        for name in sorted(members)
        if name != "MANIFEST"
    ]
    if statement["subject"] != subjects:
        raise CaseError("the files are not those that MANIFEST names, with their hashes")
    predicate = statement["predicate"]
    if statement["predicateType"] != PREDICATE or predicate.get("format") != FORMAT:
        raise CaseError(f"another format than {FORMAT}")
    return dict(predicate)


def _open_checkpoint(note: str, name: str, key_id: bytes, public: bytes) -> tuple[str, int, bytes]:
    """Origin, size and root; exactly one signature. Source: C2SP tlog-checkpoint."""
    head, blank, tail = note.partition("\n\n")
    lines, signature = head.split("\n"), tail.removesuffix("\n").split(" ")
    if not blank or not tail.endswith("\n") or len(lines) != 3 or len(signature) != 3:  # noqa: PLR2004 - origin, size, root; dash, name, signature
        raise CaseError("checkpoint is not a checkpoint with one signature")
    blob = _base64(signature[2])
    if signature[0] != "\u2014" or signature[1] != name or blob[:4] != key_id:
        raise CaseError("checkpoint is signed by another key than keys/log.vkey")
    _verify(public, blob[4:], f"{head}\n".encode(), "checkpoint")
    if lines[0] != name or re.fullmatch("0|[1-9][0-9]{0,15}", lines[1]) is None:
        raise CaseError("checkpoint is of another log, or has no size")
    return lines[0], int(lines[1]), _base64(lines[2])


# --- leaves and proofs -----------------------------------------------------------------------------


def _check_facts(members: dict[str, bytes], size: int, root: bytes) -> dict[int, dict[str, Any]]:
    """Each line is a leaf in its canonical bytes, and its proof leads to the checkpoint's root."""
    leaves: dict[int, dict[str, Any]] = {}
    last = -1
    for line in _lines(members["facts.jsonl"], "facts.jsonl"):
        entry = _parse_leaf(line)
        number = entry["sequence"]
        if number <= last:
            raise CaseError(f"facts.jsonl: entry {number} is not in its place")
        last = number
        leaves[number] = entry
        _check_proof(members, number, hashlib.sha256(b"\0" + line).digest(), size, root)
    return leaves


def _check_withheld(
    members: dict[str, bytes], leaves: dict[int, dict[str, Any]], size: int, root: bytes
) -> dict[int, str]:
    """Leaves given by hash only, because they name somebody else."""
    found: dict[int, str] = {}
    last = -1
    for line in _lines(members["withheld.jsonl"], "withheld.jsonl"):
        one = _object(_json(line, "withheld.jsonl"), "leaf_hash sequence why", "withheld.jsonl")
        number, digest = one["sequence"], str(one["leaf_hash"])
        if type(number) is not int or number in leaves or number <= last:
            raise CaseError(f"withheld.jsonl: entry {number} is not in its place")
        last = number
        if re.fullmatch("[0-9a-f]{64}", digest) is None:
            raise CaseError("withheld.jsonl: not a hash")
        found[number] = str(one["why"])
        _check_proof(members, number, bytes.fromhex(digest), size, root)
    proofs = sum(name.startswith("proofs/") for name in members)
    if proofs != len(leaves) + len(found):
        raise CaseError("there are proofs of entries that are not in the file")
    return found


def _lines(data: bytes, what: str) -> list[bytes]:
    if data and not data.endswith(b"\n"):
        raise CaseError(f"{what} is cut off")
    return data.split(b"\n")[:-1]


def _parse_leaf(line: bytes) -> dict[str, Any]:
    if len(line) > MAX_LEAF:
        raise CaseError("an entry that is too large")
    keys = "actor body body_hash kind recorded_at sequence subject"
    entry = _object(_json(line, "an entry"), keys, "an entry")
    if type(entry["sequence"]) is not int or not isinstance(entry["body"], dict):
        raise CaseError("an entry without sequence or body")
    # The line is canonical, so the body stands between these two keys as it was hashed.
    body = line[line.index(b',"body":') + 8 : line.rindex(b',"body_hash":"')]
    if hashlib.sha256(body).hexdigest() != entry["body_hash"]:
        raise CaseError(f"entry {entry['sequence']} does not have its body hash")
    return entry


def _check_proof(
    members: dict[str, bytes], index: int, leaf: bytes, size: int, root: bytes
) -> None:
    """C2SP tlog-proof@v1 without extra data, and the very checkpoint of the file at its end."""
    data = members.get(f"proofs/{index}.tlog-proof")
    if data is None:
        raise CaseError(f"entry {index} has no proof")
    head = b"c2sp.org/tlog-proof@v1\nindex %d\n" % index
    tail = b"\n" + members["checkpoint"]
    if not data.startswith(head) or not data.endswith(tail) or len(data) < len(head) + len(tail):
        raise CaseError(f"the proof of entry {index} is not one, or is of another checkpoint")
    hashes = data[len(head) : len(data) - len(tail)]
    if hashes and not hashes.endswith(b"\n"):
        raise CaseError(f"the proof of entry {index} is cut off")
    path = [_base64(text) for text in _text(hashes).split("\n")[:-1]]
    if _root_of(index, size, leaf, path) != root:
        raise CaseError(f"entry {index} is not in the log of the checkpoint")


def _root_of(index: int, size: int, leaf: bytes, path: list[bytes]) -> bytes:
    """Root that a path leads to. Source: RFC 9162 section 2.1.3.2."""
    if not 0 <= index < size or any(len(one) != 32 for one in path):  # noqa: PLR2004 - SHA-256
        raise CaseError(f"no proof for entry {index} of {size}")
    place, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise CaseError("a proof is too long")
        if place & 1 or place == last:
            node = hashlib.sha256(b"\1" + sibling + node).digest()
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\1" + node + sibling).digest()
        place, last = place >> 1, last >> 1
    if last:
        raise CaseError("a proof is too short")
    return node


# --- what the entries say of each other ------------------------------------------------------------


def _check_contents(leaves: dict[int, dict[str, Any]], withheld: dict[int, str]) -> int:
    """Every content that a look names is here, unless something is withheld, and has its name."""
    tellings: dict[tuple[str, str, int], dict[int, dict[str, Any]]] = {}
    for entry in leaves.values():
        if entry["kind"] == "content":
            body, name = entry["body"], str(entry["subject"]).partition(":")[2]
            told = tellings.setdefault((name, body["base"] or EMPTY_CONTENT, body["parts"]), {})
            told.setdefault(body["part"], body)
    # One content may be told several times, from different bases.
    told_from: dict[str, list[tuple[str, list[dict[str, Any]]]]] = {}
    for (name, base, parts), told in tellings.items():
        if len(told) == parts and sorted(told) == list(range(parts)):
            told_from.setdefault(base, []).append((name, list(told.values())))
    known = _unfold(told_from)
    looked = {e["body"]["content"] for e in leaves.values() if e["kind"] == "look"}
    lacking = sorted(looked - known)
    if lacking and not withheld:
        raise CaseError(f"what a look saw is not in the file: content {lacking[0]}")
    return len(known) - 1


def _unfold(told_from: dict[str, list[tuple[str, list[dict[str, Any]]]]]) -> set[str]:
    """Names of all contents that can be put together, each of which must be the hash of it.

    One set of keys is changed to and fro along the tree of tellings, so that memory does not grow
    with the number of contents; time is bounded by what is hashed.
    """
    known, hashed = {EMPTY_CONTENT}, 0
    keys: set[str] = set()
    stack = [(EMPTY_CONTENT, iter(told_from.get(EMPTY_CONTENT, ())), keys, keys)]
    while stack:
        _, waiting, gone, new = stack[-1]
        told = next(waiting, None)
        if told is None:
            keys -= new
            keys |= gone
            stack.pop()
            continue
        name, parts = told
        removed, added = _change(keys, parts)
        keys -= removed
        keys |= added
        hashed += len(keys) + 1
        if hashed > MAX_UNFOLDED:
            raise CaseError(f"contents of more than {MAX_UNFOLDED:,} things together")
        if hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()[:32] != name:
            raise CaseError(f"content {name} is not what its name says")
        further = told_from.get(name, []) if name not in known else []
        known.add(name)
        stack.append((name, iter(further), removed, added))
    return known


def _change(keys: set[str], parts: list[dict[str, Any]]) -> tuple[set[str], set[str]]:
    """What a telling takes away and adds."""
    removed: set[str] = set()
    added: set[str] = set()
    for body in parts:
        removed.update(body["removed"])
        added.update(f"s{_key(one)}" for one in body["added"])
        added.update(f"i{_key(one)}" for one in body["identities"])
    return (removed - added) & keys, added - keys


def _key(value: object) -> str:
    return hashlib.sha256(_canonical(value)).hexdigest()[:23]


def _check_answer(
    members: dict[str, bytes],
    predicate: dict[str, Any],
    leaves: dict[int, dict[str, Any]],
    withheld: dict[int, str],
) -> dict[str, Any]:
    """The answer has its own digest, is about the signed incident, and cites what is in the file."""
    data = members["answer.json"]
    answer = _json(data, "answer.json", in_order=False)
    ending = b'"digest":"%s"}' % str(answer.get("digest", "")).encode()
    bare = data.removesuffix(ending) + b'"digest":""}'
    if not data.endswith(ending) or hashlib.sha256(bare).hexdigest() != answer["digest"]:
        raise CaseError("answer.json does not have its own digest")
    if predicate["answer_digest"] != answer["digest"]:
        raise CaseError("MANIFEST is of another answer")
    if predicate["incident"] != answer["incident"]:
        raise CaseError("MANIFEST is of another incident than answer.json")
    if predicate["as_known_at"] != answer["as_known_at"]:
        raise CaseError("MANIFEST is of another state of the log than answer.json")
    query = _json(members["query.json"], "query.json")
    for key in ("asked", "as_known_at", "incident", "title"):
        if key in query and query[key] != answer[key]:
            raise CaseError(f"query.json and answer.json differ in {key}")
    for number in _cited(answer):
        if number not in leaves and number not in withheld:
            raise CaseError(f"the answer rests on entry {number}, which is not in the file")
        if number >= answer["as_known_at"]:
            raise CaseError(f"the answer rests on entry {number}, later than it knew")
    return dict(answer)


def _check_counts(answer: dict[str, Any]) -> None:
    """As many assets stand in the answer, by line or in a group, as it counts."""
    found = dict.fromkeys(answer["counts"], 0)
    for line in answer["lines"]:
        found[line["certainty"]] += 1
    for group in answer["groups"]:
        found[group["certainty"]] += group["count"]
        if len(group["assets"]) > group["count"]:
            raise CaseError("a group of the answer names more assets than it counts")
    if found != answer["counts"]:
        raise CaseError("answer.json counts other assets than stand in it")


def _cited(value: object) -> set[int]:
    """Sequences under the keys `entry`, `entries` and `ended_by`; -1 stands for none."""
    found: set[int] = set()
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, list):
            stack += one
        elif isinstance(one, dict):
            for key, inner in one.items():
                if key in {"entry", "ended_by", "entries"}:
                    found.update(n for n in ([inner] if type(inner) is int else inner) if n >= 0)
                else:
                    stack.append(inner)
    return found


def _check_advisories(members: dict[str, bytes], leaves: dict[int, dict[str, Any]]) -> None:
    """Every record in advisory/ is one whose hash an `advisory-revision` in the file names."""
    named = {
        entry["body"].get("revision")
        for entry in leaves.values()
        if entry["kind"] == "advisory-revision"
    }
    for name, data in members.items():
        if name.startswith("advisory/") and hashlib.sha256(data).hexdigest() not in named:
            raise CaseError(f"{name} is not a record that an entry in the file names")


def _check_evidence(members: dict[str, bytes]) -> int:
    found = [name for name in members if name.startswith("evidence/")]
    for name in found:
        if hashlib.sha256(members[name]).hexdigest() != name.partition("/")[2]:
            raise CaseError(f"{name} does not have the hash that it is named by")
    return len(found)


def _look_at_stamps(members: dict[str, bytes]) -> int:
    """Tokens must name the checkpoint. Their signatures need an ASN.1 reader: see `main`."""
    imprint = hashlib.sha256(members["checkpoint"]).digest()
    tokens = [name for name in members if name.endswith(".tsr")]
    for name in tokens:
        if imprint not in members[name]:
            raise CaseError(f"{name} is a time stamp of something else than the checkpoint")
    return len(tokens)


def _check_replay(
    members: dict[str, bytes], leaves: dict[int, dict[str, Any]], size: int, root: bytes
) -> bool:
    """With replay/: these are all entries of the log, so nothing was left out."""
    names = sorted(name for name in members if name.startswith("replay/"))
    if not names:
        return False
    stack: list[tuple[int, bytes]] = []
    count = 0
    for name in names:
        for line in _lines(members[name], name):
            if count in leaves and _parse_leaf(line) != leaves[count]:
                raise CaseError(f"replay/ and facts.jsonl differ in entry {count}")
            height, node = 0, hashlib.sha256(b"\0" + line).digest()
            while stack and stack[-1][0] == height:
                node = hashlib.sha256(b"\1" + stack.pop()[1] + node).digest()
                height += 1
            stack.append((height, node))
            count += 1
    top = stack.pop()[1] if stack else hashlib.sha256(b"").digest()
    while stack:
        top = hashlib.sha256(b"\1" + stack.pop()[1] + top).digest()
    if (count, top) != (size, root):
        raise CaseError("replay/ is not the whole log of the checkpoint")
    return True


# --- for a person ----------------------------------------------------------------------------------


def render_report(report: dict[str, Any]) -> str:
    """What was found, for a person; no foreign text moves a cursor or begins a line."""
    counts = " · ".join(f"{word} {number}" for word, number in report["counts"].items())
    scope = report["scope"]
    about = "everything" if scope["kind"] == "all" else f"{scope['kind']} {scope['name']} only"
    lines = [
        "every byte holds",
        f"  case     {report['incident']}  {report['title']}  ({about})",
        f"  answer   {counts}",
        f"           as known at entry {report['as_known_at']}, {report['asked_at']}",
        f"  log      {report['origin']}, {report['size']} entries, root {report['root']}",
        f"  entries  {report['facts']} in clear, {report['withheld']} by hash only",
        f"  evidence {report['evidence']} files",
        f"  key      {report['verifier_key']}",
    ]
    if report["key_from"] == "you":
        lines.append("           the key you gave")
    else:
        lines += [
            "           taken from the file itself: this shows that the file agrees with itself,",
            "           not who wrote it; give the key from a source you trust with --key",
        ]
    if report["time_stamps"]:
        lines.append(
            f"  time     {report['time_stamps']} stamps name this checkpoint; who signed them is "
            "not checked here"
        )
    return "\n".join(printable(line) for line in [*lines, *_limits(report)])


def _limits(report: dict[str, Any]) -> list[str]:
    """What is shown of the answer itself, and what not."""
    complete, again = report["all_entries_present"], report["asked_again"]
    return [
        "  complete all entries of the log are in the file: none was left out"
        if complete
        else "  complete not shown: a selection of entries cannot show what was left out",
        "  follows  asked again from all entries, the answer is the same"
        if again
        else "  follows  not shown here: the answer cites these entries; "
        + ("`pratique verify` asks again" if complete else "whether it follows, read them"),
        "  page     answer.html is what answer.json gives, letter by letter"
        if report["page_compared"]
        else "  page     not compared: answer.html is signed, but may say something else than "
        "answer.json; go by the counts above",
    ]


def printable(line: str) -> str:
    """A line as it can be shown: control characters and the like by their numbers."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "replace").decode()
        for one in line
    )


def read_case(path: Path) -> bytes:
    """The file, unless it is too large to be one."""
    if path.stat().st_size > MAX_BYTES:
        raise CaseError(f"larger than {MAX_BYTES:,} bytes")
    return path.read_bytes()


def main(arguments: list[str]) -> int:
    """Run from the command line."""
    as_json = "--json" in arguments
    rest = [one for one in arguments if one != "--json"]
    key = None
    if "--key" in rest:
        place = rest.index("--key")
        key = rest[place + 1] if place + 1 < len(rest) else ""
        del rest[place : place + 2]
    if len(rest) != 1 or key == "":
        print("usage: verify.py case.xpz [--key NAME+HEXID+BASE64] [--json]", file=sys.stderr)
        return 2
    try:
        report = check_case(read_case(Path(rest[0])), key)
    except OSError as error:
        print(f"cannot read {rest[0]}: {error.strerror}", file=sys.stderr)
        return 2
    except CaseError as error:
        print(json.dumps({"verified": False, "reason": str(error)}) if as_json
              else printable(f"does not hold: {str(error)[:600]}"))  # fmt: skip
        return 1
    print(json.dumps(report, indent=2) if as_json else render_report(report))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
