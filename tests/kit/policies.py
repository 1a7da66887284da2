"""Short ways to say a policy, a project, a file and an advisory in tests of policy."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from pratique.policy.advisories import AdvisoryIndex, build_index
from pratique.policy.compile import CompiledPolicy, compile_policy
from pratique.policy.decide import decide, with_page_facts
from pratique.policy.language import parse_policy
from pratique.policy.model import (
    Decision,
    FileFacts,
    ProjectFacts,
    ProvenanceFacts,
    Publisher,
    WaiverFacts,
)
from pratique.policy.osv import parse_record
from pratique.values.digests import Sha256
from pratique.values.instants import Instant
from pratique.values.names import ProjectName

NOW: Instant = datetime(2026, 3, 24, 11, 0, tzinfo=UTC)
OLD: Instant = NOW - timedelta(days=400)
LITELLM = ProjectName("litellm")
SHA = Sha256("164a3ef3e19f309e3cabc199bef3d2045212712fefdfa25fc7f75884a5b5b205")
OTHER_SHA = Sha256("ab" * 32)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def policy(text: str = "", *records: dict[str, Any]) -> CompiledPolicy:
    return compile_policy(parse_policy(text, source="policy.toml"), index(*records))


def index(*records: dict[str, Any]) -> AdvisoryIndex:
    return build_index(parse_record(json.dumps(record).encode()) for record in records)


def project(name: str = "litellm", **facts: Any) -> ProjectFacts:
    return ProjectFacts(index="pypi", project=ProjectName(name), **facts)


def wheel(version: str = "1.82.6", *, name: str = "litellm", **facts: Any) -> FileFacts:
    """A file as most are: old, hashed, listed, its dependencies compared."""
    given = {
        "filename": f"{name.replace('-', '_')}-{version}-py3-none-any.whl",
        "sha256": SHA,
        "uploaded_at": OLD,
        "fresh_dependencies": (),
        **facts,
    }
    return FileFacts(project=ProjectName(name), **given)


def changed(file: FileFacts, **facts: Any) -> FileFacts:
    return msgspec.structs.replace(file, **facts)


def ask(
    file: FileFacts,
    rules: CompiledPolicy | None = None,
    *,
    about: ProjectFacts | None = None,
    now: Instant = NOW,
) -> Decision:
    facts = about if about is not None else project(file.project)
    return decide(facts, file, rules if rules is not None else policy(), now)


def ask_on_page(
    file: FileFacts, page: list[FileFacts], rules: CompiledPolicy, *, now: Instant = NOW
) -> Decision:
    facts = with_page_facts(project(file.project), page, rules, now)
    return decide(facts, file, rules, now)


def osv(
    id_: str,
    *versions: str,
    name: str = "litellm",
    ecosystem: str = "PyPI",
    events: list[dict[str, str]] | None = None,
    **rest: Any,
) -> dict[str, Any]:
    """An OSV record about one project."""
    affected: dict[str, Any] = {"package": {"ecosystem": ecosystem, "name": name}}
    if versions:
        affected["versions"] = list(versions)
    if events is not None:
        affected["ranges"] = [{"type": "ECOSYSTEM", "events": events}]
    return {
        "schema_version": "1.7.4",
        "id": id_,
        "modified": "2026-03-24T15:35:00Z",
        "affected": [affected],
        **rest,
    }


def reviewed_fix(fixed: str, *, id_: str = "GHSA-aaaa-bbbb-cccc", **rest: Any) -> dict[str, Any]:
    return osv(
        id_,
        events=[{"introduced": "0"}, {"fixed": fixed}],
        database_specific={"github_reviewed": True},
        **rest,
    )


def waiver(**facts: Any) -> WaiverFacts:
    given = {
        "id": "W1",
        "approver": "alice",
        "reason": "needed today",
        "expires_at": NOW + hours(24),
        **facts,
    }
    return WaiverFacts(**given)


def attested(
    *, attested: bool = True, repository: str = "BerriAI/litellm", kind: str = "GitHub"
) -> ProvenanceFacts:
    return ProvenanceFacts(
        attested=attested,
        publisher=Publisher(kind=kind, repository=repository) if attested else None,
        predecessor="litellm-1.82.6-py3-none-any.whl",
        predecessor_publisher=Publisher(kind="GitHub", repository="BerriAI/litellm"),
    )
