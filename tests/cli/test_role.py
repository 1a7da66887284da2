"""`pratique role` against real stores and a real key broker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kit.custody_samples import sample_dataset
from pratique.custody.roles import fulfils, parse_condition
from pratique.doors.cli import cli
from pratique.edge.custody.broker_admin import broker_running, started_broker
from pratique.errors import InputError
from pratique.home import prepare_home
from pratique.settings import load_settings
from pratique.store.custody import open_custody
from pratique.store.logs import open_log

ISSUER = """
[[custody.issuer]]
name = "forge"
url = "https://tokens.forge.example"
audience = "sts.amazonaws.com"
jwks = "keys.json"
"""
TERMS = (
    "--issuer", "forge", "--vendor", "acme", "--project", "coding", "--dataset", "faces/a/",
    "--purpose", "labelling", "--budget", "2GiB",
)  # fmt: skip
CLAIM = ("--claim", "repository=acme/labelling")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("roles") / "home"
    prepare_home(folder)
    with (folder / "pratique.toml").open("a") as file:
        file.write(ISSUER)
    settings = load_settings(folder, environ={})
    with started_broker(settings), broker_running(settings) as admin:
        admin.make_client("meta")
        admin.make_dataset("faces", "meta")
        with closing(open_custody(settings)) as custody:
            custody.add_dataset(sample_dataset())
        yield folder


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["role", *words, "--home", str(home)])


def refused(answer: Result) -> bool:
    """Whether it ended with a sentence: what `main` turns into exit code 2, or click itself did."""
    return isinstance(answer.exception, InputError) or answer.exit_code == 2


def test_a_role_is_made_listed_and_removed(home: Path) -> None:
    made = run(home, "add", "label", *TERMS, *CLAIM, "--holder-budget", "10GiB", "--format", "json")
    assert made.exit_code == 0, made.output
    told = json.loads(made.output)
    assert told["claims"] == {"repository": "acme/labelling"}
    assert (told["budget_bytes"], told["holder_bytes"]) == (2 << 30, 10 << 30)
    assert told["client"] == "meta"
    assert "role label" in run(home, "list").output
    again = run(home, "add", "label", *TERMS, *CLAIM)
    assert refused(again)
    removed = run(home, "remove", "label", "--format", "json")
    assert removed.exit_code == 0
    assert refused(run(home, "remove", "label"))
    assert json.loads(run(home, "list", "--format", "json").output) == {"roles": []}
    with closing(open_log(load_settings(home, environ={}))) as log:
        entries = [entry for entry in log.entries() if entry.kind == "role"]
    assert [entry.body["action"] for entry in entries] == ["added", "removed"]
    assert entries[0].subject == "role:label"


@pytest.mark.parametrize(
    "words",
    [
        (*TERMS, "--claim", "sub=*"),
        (*TERMS, "--claim", "sub"),
        (*TERMS,),
        ("--issuer", "other", *TERMS[2:], *CLAIM),
        (*TERMS, *CLAIM, "--purpose", "selling"),
        (*TERMS, *CLAIM, "--lasts", "20d"),
        (*TERMS, *CLAIM, "--dataset", "absent"),
    ],
)
def test_roles_that_must_not_be_made(home: Path, words: tuple[str, ...]) -> None:
    answer = run(home, "add", "bad", *words)
    assert refused(answer)


def test_conditions() -> None:
    both = (parse_condition("repository=acme/*"), parse_condition("aud=sts"))
    claims: dict[str, object] = {"repository": "acme/x", "aud": ["other", "sts"]}
    assert fulfils(claims, both)
    assert not fulfils({**claims, "aud": "stsx"}, both)
    assert not fulfils({**claims, "repository": ["evil/x"]}, both)
    assert not fulfils({**claims, "repository": {"acme/x": 1}}, both)
    assert not fulfils({**claims, "repository": None}, both)
    assert not fulfils(claims, ()), "no condition lets nobody in"
    literal = (parse_condition("group=[ab]"),)
    assert fulfils({"group": "[ab]"}, literal)
    assert not fulfils({"group": "a"}, literal), "brackets are letters"
    for text in ("", "=x", "sub=", "sub=*", "sub=**?", "s b=x", "sub=a\nb"):
        with pytest.raises(InputError):
            parse_condition(text)
