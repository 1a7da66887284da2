"""The values of parties: who they are, what was agreed, what was promised, seen and found.

Everything here turns into JSON with `msgspec.to_builtins` and back with `msgspec.convert`, and stands
like that in ledger entries and in the register's file (docs/reference/parties-file.md).
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final

import msgspec

from pratique.custody.model import HoldKind
from pratique.values.instants import Instant

MAX_PARTIES: Final = 10_000
"""In one register."""


class PartyKind(StrEnum):
    """What a party is to us."""

    OWN = "own"
    """The organisation whose register this is; there is one."""
    VENDOR = "vendor"
    """Works for us; a sub-processor is a vendor that names whom it works for."""
    CLIENT = "client"
    """Owns datasets in custody."""
    PEOPLE = "people"
    """A group of people whose data is held."""


class Contact(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Where a party is told something."""

    role: str
    """Such as `security`, `privacy`, `account`."""
    address: str
    """E-mail address, telephone number or URL of an office, not of a private person."""


class PublicKey(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A key that a party signs its evidence with."""

    id: str
    pem: str
    """SubjectPublicKeyInfo in PEM: Ed25519, ECDSA P-256/P-384 or RSA of 2,048 bits and more."""


class Promise(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Something that a party said it would show, again and again."""

    evidence: str
    """An `EvidenceKind`."""
    every_days: int
    """How old the newest piece may be."""
    product: str = ""
    """For which product (as in `Party.products`); empty: for any."""
    basis: str = ""
    """Where it is written, such as `MSA section 4.2`."""


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """One party of the register. Facts that nobody gave are empty, which never means `none`."""

    name: str
    """As in scopes and leases: `custody.scopes.parse_word`."""
    kind: PartyKind
    title: str = ""
    works_for: tuple[str, ...] = ()
    """Of a sub-processor: the vendors that pass work or data on to it."""
    sub_processors: tuple[str, ...] = ()
    """Of a vendor: whom its contract allows it to pass data on to, by name."""
    contacts: tuple[Contact, ...] = ()
    locations: tuple[str, ...] = ()
    """Where it may process, `EU` or ISO 3166-1 codes."""
    networks: tuple[str, ...] = ()
    """CIDR networks that its people and jobs come from, as promised."""
    issuers: tuple[str, ...] = ()
    """OpenID Connect issuers that its people log in with, as promised."""
    keys: tuple[PublicKey, ...] = ()
    products: tuple[str, ...] = ()
    """What it delivers or runs for us: the names that its SBOMs describe, as purl without version or
    as a plain name."""
    assets: tuple[str, ...] = ()
    """Names, or patterns with `*`, of assets that it operates."""
    datasets: tuple[str, ...] = ()
    """Of a group of people: datasets that hold their data."""
    promises: tuple[Promise, ...] = ()
    note: str = ""

    @property
    def entity(self) -> str:
        """Entity key of exposure facts: `vendor:acme`."""
        return f"{self.kind.value}:{self.name}"


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """Work that a vendor does with a client's data. Its scope is `project:VENDOR/NAME`."""

    name: str
    vendor: str
    client: str
    purpose: str = ""
    """What leases of it may be for; empty: not said, which is a finding."""
    datasets: tuple[str, ...] = ()
    holders: tuple[str, ...] = ()
    """Pseudonyms of contractors and names of jobs that may hold leases."""
    budget_bytes: int | None = None
    """What the purpose needs; None: not said."""
    residency: str = ""

    @property
    def id(self) -> str:
        """`VENDOR/NAME`."""
        return f"{self.vendor}/{self.name}"


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed with a party, as far as software can count or check it."""

    id: str
    party: str
    starts: date
    ends: date | None = None
    notice_hours: int | None = None
    """Within which one side tells the other of an incident; None: no clock, which is a finding."""
    evidence_hours: int | None = None
    """Within which a vendor shows what it knows after it was asked."""
    update_hours: int | None = None
    """How often there is news while an incident is open."""
    return_days: int | None = None
    """Within which data is returned or destroyed at the end."""
    drill_days: int | None = None
    """How old the last suspension drill may be; None: 90."""
    audit_right: bool | None = None
    basis: str = ""
    """Document and section."""


class EvidenceKind(StrEnum):
    """What a piece of evidence is."""

    SBOM = "sbom"
    """CycloneDX or SPDX, of one product."""
    ATTESTATION = "attestation"
    """in-toto statement in a DSSE envelope, signed with a key of the party."""
    SIGSTORE = "sigstore"
    """Sigstore bundle, verified offline."""
    CDXA = "cdxa"
    """CycloneDX Attestations (declarations: claims, evidence, confidence)."""
    OSCAL = "oscal"
    """OSCAL assessment results."""
    QUESTIONNAIRE = "questionnaire"
    """Answers in the manner of CAIQ."""
    CERTIFICATE = "certificate"
    """A certifier's paper: who, what, until when. A paper is a claim."""
    INVENTORY = "inventory"
    """Observations of the party's own systems, pushed by its collector."""
    ACKNOWLEDGEMENT = "acknowledgement"
    """The party acknowledges something by name: a change of sub-processors, a deletion."""
    UNKNOWN = "unknown"
    """Nobody can say what it is: it could not be read, and who gave it did not say. Never promised."""


NAMED_KINDS: Final = tuple(kind for kind in EvidenceKind if kind is not EvidenceKind.UNKNOWN)
"""What evidence may be asked for, promised or called."""


SLIGHT: Final = frozenset({EvidenceKind.ACKNOWLEDGEMENT, EvidenceKind.INVENTORY})
"""What is no answer to `show what you know`: a word of consent, and what a collector sends each hour."""


class Signature(StrEnum):
    """What was found of a piece's signature. Only `valid` makes it attested."""

    VALID = "valid"
    BROKEN = "broken"
    """It does not fit bytes or key."""
    FOREIGN = "foreign"
    """It is good, but by a key that is not this party's."""
    NONE = "none"
    UNCHECKED = "unchecked"
    """It cannot be checked here; `Evidence.faults` says why."""


class Standing(StrEnum):
    """How a line of a party's profile is known, best first."""

    OBSERVED = "observed"
    """Our own doors, sweeps and drills saw it."""
    ATTESTED = "attested"
    """The party signed it, and the signature is good."""
    CLAIMED = "claimed"
    """Somebody says so: unsigned papers, questionnaires."""


class Claim(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One thing that a piece of evidence says."""

    topic: str
    """Such as `control:PS.1.2`, `mfa`, `sub-processors`, `location`, `component-count`."""
    answer: str
    """`yes`, `no`, `partly`, or a short text."""
    detail: str = ""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of evidence, as it was received. The bytes are kept by their hash."""

    party: str
    kind: EvidenceKind
    sha256: str
    size: int
    media_type: str
    filename: str
    subjects: tuple[str, ...]
    """What it is about: product names with versions, controls, datasets."""
    made_at: Instant | None
    """When it says it was made."""
    expires_at: Instant | None
    signature: Signature
    signer: str
    """Id of the key, or the identity in a Sigstore certificate; empty: nobody."""
    claims: tuple[Claim, ...]
    """At most 200; `claims_total` counts them all."""
    claims_total: int
    faults: tuple[str, ...]
    """What is wrong with it, as sentences; a faulty piece satisfies no promise."""
    asset: str = ""
    """Of SBOMs and inventories: the asset whose contents they became (`exposure` facts)."""

    @property
    def standing(self) -> Standing:
        """What a line that rests on it is worth."""
        return Standing.ATTESTED if self.signature is Signature.VALID else Standing.CLAIMED


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence with when and how it came."""

    evidence: Evidence
    at: Instant
    by: str
    """Actor: `party:acme` by its token, or `operator:ann`."""
    entry: int
    while_suspended: bool
    """It came after the party was suspended: it never replaces what was frozen."""


class Action(StrEnum):
    """What a failing check asks for."""

    ALERT = "alert"
    NARROW = "narrow"
    """Halve budgets and caps of the party."""
    PAUSE = "pause"
    """Suspend."""


class Severity(StrEnum):
    """How much a finding matters."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class FindingState(StrEnum):
    """What became of a finding."""

    OPEN = "open"
    ACCEPTED = "accepted"
    """Somebody with a name accepts it until an instant."""
    CLOSED = "closed"
    """The check no longer finds it."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a check finds, now; it becomes a `Finding` once it is recorded."""

    rule: str
    """Name of the check, as its file: `components-poisoned`."""
    party: str
    subject: str
    """What exactly: `pkg:pypi/litellm@1.82.8 in labeler 4.1`; with rule and party it is the identity."""
    severity: Severity
    sentence: str
    """For a person: what is wrong and what would be right."""
    action: Action
    entries: tuple[int, ...] = ()
    """Ledger sequences that it rests on."""
    unknown: bool = False
    """It could not be checked: nobody looked, or the evidence cannot be read. Never silence."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding with its history."""

    id: str
    """`F-` and 10 hexadecimal digits of SHA-256 over rule, party and subject."""
    found: Found
    state: FindingState
    owner: str
    due_at: Instant | None
    opened_at: Instant
    changed_at: Instant
    accepted_until: Instant | None
    reason: str
    history: tuple[int, ...]
    """Sequences of its `finding` entries, in order."""


class SuspensionScope(msgspec.Struct, frozen=True, kw_only=True):
    """What a suspension stops: leases for which all that is given is so."""

    party: str
    project: str = ""
    """Name within the vendor; empty: all."""
    dataset: str = ""
    kind: HoldKind = HoldKind.ANY
    with_sub_processors: bool = True
    """Whoever works for the vendor is stopped too."""

    @property
    def whole(self) -> bool:
        """Everything of the party: its tokens stop as well."""
        return not self.project and not self.dataset and self.kind is HoldKind.ANY


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """What must be so before a suspension is lifted without an approver."""

    topic: str
    """`rotation-verified`, `evidence-received`, `findings-closed`."""
    detail: str = ""
    """Which: an identity, an evidence kind, a finding."""


class Suspension(msgspec.Struct, frozen=True, kw_only=True):
    """A standing or lifted suspension of a party."""

    id: str
    """`S-` and 12 of A–Z, 2–7."""
    scope: SuspensionScope
    vendors: tuple[str, ...]
    """Names of vendors whose leases and tokens it stops: the party and its sub-processors."""
    client: str
    """Of a client's suspension: whose data is not touched any more; empty otherwise."""
    reason: str
    incident: str
    conditions: tuple[Condition, ...]
    evidence_root: str
    """SHA-256 over the evidence of the party as it was, sorted: what was frozen."""
    leases: int
    """Unexpired leases that it stopped when it began."""
    tokens: int
    by: str
    at: Instant
    lifted_at: Instant | None = None
    lifted_by: str = ""
    lifted_reason: str = ""


class NoticeClock(msgspec.Struct, frozen=True, kw_only=True):
    """By when a party must be told, or must tell us."""

    id: str
    """Suspension or incident, party and duty, joined by `/`."""
    party: str
    duty: str
    """`notify` (we tell it), `evidence` (it shows us), `update` (we tell it again)."""
    basis: str
    hours: int
    started_at: Instant
    due_at: Instant
    cause: str
    """Suspension or incident that started it."""
    met_at: Instant | None = None
    met_by: str = ""


class Register(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of parties at a ledger size, folded from entries."""

    parties: dict[str, Party]
    projects: dict[str, Project]
    """By `VENDOR/NAME`."""
    contracts: dict[str, Contract]
    evidence: dict[str, tuple[Received, ...]]
    """By party, oldest first."""
    findings: dict[str, Finding]
    suspensions: dict[str, Suspension]
    """By id, lifted ones included."""
    clocks: dict[str, NoticeClock]
    entries: dict[str, int]
    """Sequence of the newest entry about `party:NAME`, `project:ID`, `contract:ID`."""
    unreadable: tuple[int, ...]
    """Entries of these kinds that are not as documented: an answer says so."""

    def standing(self, party: str) -> tuple[Suspension, ...]:
        """Suspensions that stop a party now: its own, and of whom it works for."""
        return tuple(
            one
            for one in self.suspensions.values()
            if one.lifted_at is None and (one.scope.party == party or party in one.vendors)
        )
