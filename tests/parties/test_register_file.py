"""The register's file: what it takes, what it refuses, and that writing and reading are inverse."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.errors import InputError
from pratique.parties.countries import parse_location
from pratique.parties.differences import differences, drafts_of
from pratique.parties.keys import parse_public_key
from pratique.parties.model import (
    NAMED_KINDS,
    Contact,
    Contract,
    Party,
    PartyKind,
    Project,
    Promise,
    PublicKey,
)
from pratique.parties.register import fold_register
from pratique.parties.register_file import (
    RegisterFile,
    RegisterFileError,
    file_of,
    parse_register_file,
)
from pratique.parties.register_text import render_register_json, render_register_toml
from pratique.parties.validity import normal_contract, normal_party, normal_project
from pratique.values.instants import now_utc

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "parties-file.md"


def example() -> str:
    found = re.search(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def parse(text: str) -> RegisterFile:
    return parse_register_file(text.encode(), name="parties.toml")


def wrong(text: str) -> str:
    with pytest.raises(RegisterFileError) as refused:
        parse(text)
    return str(refused.value)


# ── the documented file ──────────────────────────────────────────────────────────────────────


def test_the_documented_file_says_what_it_says() -> None:
    file = parse(example())
    assert {name: one.kind.value for name, one in file.parties.items()} == {
        "mercury": "own", "acme": "vendor", "annotators-inc": "vendor", "lab": "client",
        "interviewees-2026": "people",
    }  # fmt: skip
    acme = file.parties["acme"]
    assert acme.keys[0].id == "acme-2026"
    assert acme.promises[0] == Promise(
        evidence="sbom", every_days=30, product="labeler", basis="MSA 4.2"
    )
    assert file.projects["acme/coding"].budget_bytes == 2 << 40
    assert file.contracts["acme-msa-2025"].starts == date(2025, 1, 1)
    assert file.contracts["acme-msa-2025"].audit_right is True


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("works_for", "works_four", "unknown field `works_four`"),
        ('"GB"', '"UK"', "the United Kingdom is GB"),
        ('vendor = "acme"', 'vendor = "acne"', "project 'acne/coding': no vendor 'acne'"),
        ('client = "lab"', 'client = "annotators-inc"', "is vendor, not client"),
        ('"198.51.100.0/24"', '"198.51.100.7/24"', "has host bits set"),
        ('"https://login.acme.example"', '"http://login.acme.example"', "no issuer"),
        ("MCowBQYDK2VwAyEA", "MCowBQYDK2VwAyEB", "not a public key"),
        ('name = "acme"', 'name = "ac me"', "not a name of a party"),
        ('name = "lab"', 'name = "acme"', "two parties are called acme"),
        ("ends = 2027-12-31", "ends = 2024-12-31", "ends before it starts"),
        ("ends = 2027-12-31", 'ends = "soon"', "ends"),
        ("notice_hours = 24", "notice_hours = 0", "`notice_hours` is 0"),
        ('budget = "2TiB"', 'budget = "a lot"', "not a size"),
        ('evidence = "sbom"', 'evidence = "bill"', "no kind of evidence"),
        ('product = "labeler"', 'product = "lab"', "not among `products`"),
        ('party = "acme"', 'party = "nobody"', "no party 'nobody'"),
        ('sub_processors = ["annotators-inc"]', 'sub_processors = ["x"]', "no vendor 'x'"),
        ('works_for = ["acme"]', 'works_for = ["annotators-inc"]', "itself"),
        ('assets = ["acme-*"]', 'assets = ["vendor/lab/x"]', "vendor's products"),
        ('assets = ["acme-*"]', 'assets = ["a*b*c*d*e*f"]', "too many *"),
        ('datasets = ["interviews"]', 'works_for = ["acme"]', "no vendor"),
        ("[own]", "[[own]]", "own"),
        ("[[people]]", "[[peoples]]", "unknown field `peoples`"),
        ('name = "mercury"', 'name = "mercury', "cannot be read"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_named(old: str, new: str, told: str) -> None:
    text = example()
    assert old in text
    assert told in wrong(text.replace(old, new, 1))


def test_all_mistakes_are_told_at_once_but_not_endlessly() -> None:
    told = wrong("".join(f'[[vendor]]\nname = "v{n}"\nwrong = 1\n' for n in range(30)))
    assert told.count("unknown field `wrong`") == 20
    assert "and 10 more" in told


def test_vendors_cannot_work_for_themselves_by_way_of_others() -> None:
    text = '[[vendor]]\nname = "a"\nworks_for = ["b"]\n[[vendor]]\nname = "b"\nworks_for = ["a"]\n'
    assert "by way of others, for itself" in wrong(text)


@pytest.mark.parametrize(
    "data", [b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b"x = " + b"[" * 5_000, b"{}}"]
)
def test_hostile_bytes_end_in_a_sentence(data: bytes) -> None:
    with pytest.raises(RegisterFileError):
        parse_register_file(data, name="parties.toml")


def test_an_empty_file_is_an_empty_register() -> None:
    assert parse("") == RegisterFile(parties={}, projects={}, contracts={})


def test_keys_that_nobody_should_sign_with_are_refused() -> None:
    def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
        public = key.public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    for weak in (rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP256K1())):
        with pytest.raises(InputError, match="not used here"):
            parse_public_key(pem(weak))
    assert parse_public_key(pem(ec.generate_private_key(ec.SECP384R1())))


def test_places_are_codes() -> None:
    assert parse_location(" eu ") == "EU"
    for text in ("", "Europe", "XX", "E"):
        with pytest.raises(InputError):
            parse_location(text)


# ── laws ─────────────────────────────────────────────────────────────────────────────────────

NAMES = [f"p{n}" for n in range(6)]
WORDS = st.from_regex(r"[a-z0-9][a-z0-9._@-]{0,9}", fullmatch=True)
LINES = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["C", "Z"]),
                max_size=20)  # fmt: skip
PEMS = [
    Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    .decode()
    for n in range(3)
]
HOURS = st.none() | st.integers(1, 8_000)
DAYS = st.none() | st.integers(1, 3_000)


def some(values: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(values, max_size=4, unique=True).map(tuple)


@st.composite
def parties(draw: st.DrawFn, name: str, number: int) -> Party:
    kind = PartyKind.OWN if number == 0 else draw(st.sampled_from([*PartyKind][1:]))
    products = draw(some(WORDS))
    promised = st.builds(
        Promise,
        evidence=st.sampled_from([one.value for one in NAMED_KINDS]),
        every_days=st.integers(1, 900),
        product=st.sampled_from(["", *products]),
        basis=LINES,
    )
    made = Party(
        name=name,
        kind=kind,
        title=draw(LINES),
        contacts=tuple(draw(st.lists(st.builds(Contact, role=WORDS, address=LINES.filter(len)),
                                     max_size=2))),
        locations=draw(some(st.sampled_from(["EU", "GB", "US"]))),
        networks=draw(some(st.sampled_from(["10.0.0.0/8", "2001:db8::/32"]))),
        issuers=draw(some(st.sampled_from(["https://a.example", "https://b.example/x"]))),
        keys=tuple(PublicKey(id=f"k{n}", pem=PEMS[n]) for n in range(draw(st.integers(0, 3)))),
        products=products,
        assets=draw(some(st.sampled_from(["a-*", "b", "*", "c/*/d"]))),
        datasets=draw(some(WORDS)) if kind is PartyKind.PEOPLE else (),
        promises=tuple(draw(st.lists(promised, max_size=3))),
        note=draw(LINES),
    )  # fmt: skip
    return normal_party(made)


@st.composite
def registers(draw: st.DrawFn) -> RegisterFile:
    people = {name: draw(parties(name, number)) for number, name in enumerate(NAMES)}
    vendors = [name for name, one in people.items() if one.kind is PartyKind.VENDOR]
    clients = [name for name, one in people.items() if one.kind is PartyKind.CLIENT]
    for above, below in pairwise(vendors):
        people[below] = normal_party(_with(people[below], works_for=(above,)))
    projects = {}
    if vendors and clients:
        for word in draw(some(WORDS)):
            budget = draw(st.none() | st.integers(1, 1 << 45) | st.just(3 << 30))
            project = normal_project(
                Project(
                    name=word, vendor=draw(st.sampled_from(vendors)),
                    client=draw(st.sampled_from(clients)), purpose=draw(st.just("") | WORDS),
                    datasets=draw(some(WORDS)), holders=draw(some(WORDS)), budget_bytes=budget,
                    residency=draw(st.sampled_from(["", "EU"])),
                )
            )  # fmt: skip
            projects[project.id] = project
    contracts = {}
    for word in draw(some(WORDS)):
        starts = draw(st.dates(date(2020, 1, 1), date(2030, 1, 1)))
        contracts[word] = normal_contract(
            Contract(
                id=word, party=draw(st.sampled_from(NAMES)), starts=starts,
                ends=draw(st.sampled_from([None, starts + timedelta(days=9)])),
                notice_hours=draw(HOURS), evidence_hours=draw(HOURS), update_hours=draw(HOURS),
                return_days=draw(DAYS), drill_days=draw(DAYS),
                audit_right=draw(st.sampled_from([None, True, False])), basis=draw(LINES),
            )
        )  # fmt: skip
    return RegisterFile(parties=people, projects=projects, contracts=contracts)


def _with(party: Party, **changes: object) -> Party:
    return Party(**{name: getattr(party, name) for name in party.__struct_fields__} | changes)  # type: ignore[arg-type] # fields by name


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(registers())
def test_what_is_exported_and_imported_changes_nothing(register: RegisterFile) -> None:
    for render in (render_register_toml, render_register_json):
        assert differences(register, parse(render(register))) == ()


class Event:
    """A draft as the fold sees it."""

    def __init__(self, sequence: int, draft: object) -> None:
        self.sequence = sequence
        self.at = now_utc()
        for name in ("kind", "subject", "actor", "body"):
            setattr(self, name, getattr(draft, name))


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(registers(), registers())
def test_recording_the_differences_makes_the_register_so(
    before: RegisterFile, after: RegisterFile
) -> None:
    nothing = RegisterFile(parties={}, projects={}, contracts={})
    drafts = [
        *drafts_of(differences(nothing, before), source="", actor="operator:ann"),
        *drafts_of(differences(before, after), source="ab" * 32, actor="operator:ann"),
    ]
    folded = fold_register(Event(n, draft) for n, draft in enumerate(drafts))  # type: ignore[misc] # as an entry
    assert folded.unreadable == ()
    assert differences(file_of(folded), after) == ()


def test_a_change_is_told_field_by_field() -> None:
    before = parse(example())
    after = parse(example().replace("notice_hours = 24", "notice_hours = 12"))
    (change,) = differences(before, after)
    assert list(change.lines()) == ["~ contract acme-msa-2025", "    notice_hours: 24 -> 12"]
    (gone,) = differences(before, parse(example().partition("[[contract]]")[0]))
    assert gone.removes
