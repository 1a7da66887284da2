"""A case for one client: it holds, and not one byte of it is about anybody else."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from kit.fact_story import FactStory, at, item, seen
from kit.logs import segment_log
from pratique.doors.cli import case_verifier
from pratique.doors.cli.case_verifier import check_case
from pratique.errors import InputError
from pratique.exposure.bundle.collect import LogReader, Material, build_case
from pratique.exposure.bundle.scope import (
    ClientScope,
    guard_of_client,
    names_of_others,
    narrow,
    scope_of_client,
)
from pratique.exposure.incident import IncidentAnswer, WindowLine
from pratique.inventory.observed.model import AssetKind, Identity, LookMode, PlaceKind, Relation
from pratique.ledger.entries import Draft
from pratique.store.log_keys import read_key

VERIFIER = Path(case_verifier.__file__).read_bytes()
WINDOW = WindowLine(
    channel="pypi", start=at("10:39"), end=at("13:11"), source="index", confidence="high"
)
OTHERS = (
    "Hooli", "hooli-chats", "hooli-key", "hooli-runner", "Initech", "people-of-hooli",
    "vandelay-laptop", "shared-secret-of-hooli", "innocent-box",
)  # fmt: skip


def story(*, clean: bool = True) -> FactStory:
    """Two clients; a server each, one that holds keys of both, and a shared facts entry."""
    told = FactStory()
    bad = item("litellm", "1.82.8")
    good = item("litellm", "1.82.6")
    watch = {"kind": AssetKind.IMAGE, "place": PlaceKind.ENVIRONMENT, "mode": LookMode.EVENT}

    def watched(name: str, *what: Any) -> None:
        told.look(name, *map(seen, what), start=at("09:00"), end=at("15:00"), **watch)

    told.now = at("15:00")
    watched("globex-app", good if clean else bad)
    watched("hooli-runner", bad)
    watched("both-app", good)
    watched("innocent-box", good)
    told.holds("globex-app", "globex-key")
    told.holds("hooli-runner", "hooli-key")
    told.look(
        "both-app", kind=AssetKind.IMAGE, place=PlaceKind.SECRETS, locator="secrets",
        start=at("09:00"),
        identities=(Identity(kind="ci-secret", name="relay"),
                    Identity(kind="ci-secret", name="shared-secret-of-hooli")),
    )  # fmt: skip
    for relation, subject, target in (
        (Relation.OPENS, "identity:ci-secret/globex-key", "dataset:globex-chats"),
        (Relation.ASSUMES, "identity:ci-secret/relay", "identity:ci-secret/globex-key"),
        (Relation.BELONGS_TO, "dataset:globex-chats", "client:Globex"),
        (Relation.OPENS, "identity:ci-secret/hooli-key", "dataset:hooli-chats"),
        (Relation.BELONGS_TO, "dataset:hooli-chats", "client:Hooli"),
        (Relation.BELONGS_TO, "dataset:hooli-chats", "people:people-of-hooli"),
        (Relation.OPERATED_BY, "asset:hooli-runner", "vendor:Initech"),
        (Relation.HOLDS, "asset:vandelay-laptop", "identity:ci-secret/hooli-key"),
    ):
        told.fact(relation, subject, target)
    return told


def scoped(told: FactStory, **asked: Any) -> tuple[IncidentAnswer, ClientScope, Any]:
    facts = told.facts()
    scope = scope_of_client("client:Globex", facts)
    guard = guard_of_client(scope, names_of_others(scope, facts), public=["litellm"])
    answer = told.answer(
        "litellm==1.82.8",
        windows=(WINDOW,),
        assets=tuple(sorted(scope.assets)),
        incident="inc-1",
        title=asked.pop("title", "LiteLLM"),
        names=None,
    )
    return narrow(answer, scope, guard), scope, guard


def case(told: FactStory, folder: Path, **asked: Any) -> bytes:
    log = segment_log(folder)
    for entry in told.log.entries():
        draft = Draft(kind=entry.kind, subject=entry.subject, actor=entry.actor, body=entry.body)
        log.append([draft], now=entry.recorded_at)
    signer = read_key(folder / "key", log.origin)
    answer, scope, guard = scoped(told, **asked)
    material = Material(
        answer=answer, query={"incident": "inc-1"}, made_at=at("16:00"), verifier=VERIFIER,
        scope=scope, guard=guard,
    )  # fmt: skip
    return build_case(material, LogReader(log, log.checkpoint(), signer), signer=signer)


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_scope_is_what_holds_or_reaches_the_clients_data() -> None:
    scope = scope_of_client("client:Globex", story().facts())
    assert scope.assets == {"asset:globex-app", "asset:both-app"}
    assert scope.identities == {"identity:ci-secret/globex-key", "identity:ci-secret/relay"}
    assert scope.datasets == {"dataset:globex-chats"}
    hooli = scope_of_client("client:Hooli", story().facts())
    assert hooli.assets == {"asset:hooli-runner", "asset:vandelay-laptop"}
    assert hooli.people == {"people:people-of-hooli"}


def test_of_a_client_that_nobody_knows_nothing_can_be_proven() -> None:
    with pytest.raises(InputError, match="nothing is known of client:Nobody"):
        scope_of_client("client:Nobody", story().facts())


@pytest.mark.parametrize("clean", [True, False])
def test_a_case_for_a_client_names_nobody_else_in_any_byte(tmp_path: Path, clean: bool) -> None:
    data = case(story(clean=clean), tmp_path / "ledger")
    for name, content in (*members(data).items(), ("case", data)):
        low = content.lower()
        for other in OTHERS:
            assert other.lower() not in name.lower()
            assert other.lower().encode() not in low, (name, other)
    report = check_case(data)
    assert report["scope"] == {"kind": "client", "name": "Globex"}
    assert report["withheld"] > 0


def test_a_negative_proof_says_what_was_checked_and_what_is_not_proven(tmp_path: Path) -> None:
    data = case(story(), tmp_path / "ledger")
    answer = json.loads(members(data)["answer.json"])
    assert answer["counts"] == {
        "confirmed": 0, "probable": 0, "possible": 0, "cleared": 2, "unknown": 0,
    }  # fmt: skip
    assert {one["asset"] for one in answer["lines"]} == {"asset:globex-app", "asset:both-app"}
    page = members(data)["answer.html"].decode()
    assert "Checked were 2 assets" in page
    assert page.count("Not proven:") == 3
    facts = members(data)["facts.jsonl"].decode()
    assert "globex-app" in facts, "the looks that clear it are in the file"


def test_a_client_learns_what_lay_open_of_its_own(tmp_path: Path) -> None:
    answer = json.loads(members(case(story(clean=False), tmp_path / "ledger"))["answer.json"])
    assert answer["counts"]["probable"] == 1
    assert [one["entity"] for one in answer["reach"]["datasets"]] == ["dataset:globex-chats"]
    assert [one["entity"] for one in answer["reach"]["clients"]] == ["client:Globex"]
    assert answer["reach"]["vendors"] == []


def test_titles_and_names_that_give_others_away_are_withheld(tmp_path: Path) -> None:
    told = story()
    told.look(
        "hooli-and-globex-box", seen(item("litellm", "1.82.8")), start=at("09:00"),
        end=at("15:00"), kind=AssetKind.IMAGE, place=PlaceKind.ENVIRONMENT, mode=LookMode.EVENT,
    )  # fmt: skip
    told.fact(Relation.OPERATED_BY, "asset:hooli-and-globex-box", "client:Globex")
    data = case(told, tmp_path / "ledger", title="What Hooli and Globex had")
    assert b"hooli" not in data.lower()
    answer = json.loads(members(data)["answer.json"])
    assert answer["title"] == "An incident"
    names = {one["asset"] for one in answer["lines"]}
    assert len(names) == 3
    assert any(name.startswith("asset:withheld-") for name in names)
    check_case(data)


def test_an_asset_called_like_a_word_of_ours_gives_nobody_away(tmp_path: Path) -> None:
    told = story()
    told.run("laptop", seen(item("litellm", "1.82.6")))
    told.run("server", seen(item("litellm", "1.82.6")))
    check_case(case(told, tmp_path / "ledger"))


def test_whole_entries_and_raw_files_never_go_to_a_client(tmp_path: Path) -> None:
    told = story()
    log = segment_log(tmp_path / "ledger")
    log.append([Draft(kind="origin", subject="x", actor="y", body={})], now=at("09:00"))
    signer = read_key(tmp_path / "ledger" / "key", log.origin)
    answer, scope, guard = scoped(told)
    base: dict[str, Any] = {
        "answer": answer, "query": {}, "made_at": at("16:00"), "verifier": b"#\n",
        "scope": scope, "guard": guard,
    }  # fmt: skip
    reader = LogReader(log, log.checkpoint(), signer)
    for more in ({"replay": True}, {"evidence": {}.get}):
        with pytest.raises(InputError, match="neither --replay nor --evidence"):
            build_case(Material(**base, **more), reader, signer=signer)
    with pytest.raises(InputError, match="use a later checkpoint"):
        build_case(Material(**base), reader, signer=signer)


def test_a_content_far_from_its_look_is_found(tmp_path: Path) -> None:
    """A run that saw what another saw long before names a content that is not beside it."""
    told = story()
    told.now = at("16:00")
    for number in range(100):
        told.write(Draft(kind="origin", subject=f"p{number}", actor="door:index", body={}))
    told.look(
        "globex-two", seen(item("litellm", "1.82.6")), start=at("09:00"), end=at("16:30"),
        kind=AssetKind.IMAGE, place=PlaceKind.ENVIRONMENT, mode=LookMode.EVENT,
    )  # fmt: skip
    told.fact(Relation.OPERATED_BY, "asset:globex-two", "client:Globex")
    report = check_case(case(told, tmp_path / "ledger"))
    assert report["contents"] >= 1
