"""Uploads, commits, roles and pseudonyms: the same on SQLite and PostgreSQL, in parallel too."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kit.custody_samples import T0, lease_id, sample_dataset, sample_object
from pratique.custody.model import ObjectId
from pratique.custody.ports import Upload
from pratique.custody.roles import Role
from pratique.custody.write_ports import StagedPart
from pratique.errors import InputError
from pratique.settings import CustodySettings, Settings, StorageSettings
from pratique.store.custody import CustodyStore, open_custody
from pratique.store.custody_uploads import CLAIM_SECONDS
from pratique.values.digests import Sha256

NOW = T0 + timedelta(hours=1)
LATER = NOW + timedelta(seconds=CLAIM_SECONDS + 1)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CustodyStore]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    opened = open_custody(
        Settings(
            home=tmp_path,
            storage=StorageSettings(database_url=url),
            custody=CustodySettings(velocity_factor=0),
        )
    )
    opened.add_dataset(sample_dataset())
    yield opened
    opened.close()


def begun(store: CustodyStore, name: str = "u1") -> Upload:
    upload = Upload(
        id=name,
        dataset="faces",
        key="k",
        lease=lease_id(1),
        object=ObjectId("00" * 16),
        media_type="",
        metadata=(),
        wrapped_key=b"w",
        begun_at=T0,
    )
    store.begin_upload(upload)
    return upload


def part(number: int = 1, stage: int = 1, upload: str = "u1") -> StagedPart:
    return StagedPart(
        upload=upload,
        number=number,
        stage=ObjectId(f"{stage:032x}"),
        size=7,
        sha256=Sha256("ab" * 32),
        checksum="x-amz-checksum-crc32=AAAAAA==",
        sent_at=NOW,
    )


def test_parts_come_in_any_order_and_replace_each_other(store: CustodyStore) -> None:
    begun(store)
    assert store.add_part(part(2), now=NOW) is True
    assert store.add_part(part(1, stage=2), now=NOW) is True
    assert store.add_part(part(2, stage=3), now=NOW) == part(2)
    assert store.staged_parts("u1") == (part(1, stage=2), part(2, stage=3))
    assert store.staged_parts("u1", after=1) == (part(2, stage=3),)
    assert store.staged_parts("u1", limit=1) == (part(1, stage=2),)
    assert set(store.stages()) == {part(1, stage=2).stage, part(2, stage=3).stage}
    assert store.add_part(part(upload="none"), now=NOW) is False


def test_one_completes_at_a_time(store: CustodyStore) -> None:
    begun(store)
    assert store.claim_upload("u1", "a", now=NOW)
    assert store.claim_upload("u1", "a", now=NOW), "renewed"
    assert not store.claim_upload("u1", "b", now=NOW)
    assert store.add_part(part(), now=NOW) is False
    assert not store.abort_upload("u1", now=NOW)
    store.release_upload("u1", "b", now=NOW)
    assert not store.claim_upload("u1", "b", now=NOW), "another's claim is not released"
    store.release_upload("u1", "a", now=NOW)
    assert store.claim_upload("u1", "b", now=NOW)
    assert store.claim_upload("u1", "c", now=LATER), "the dead keep nobody away for long"
    assert not store.claim_upload("none", "a", now=NOW)


def test_an_object_and_the_end_of_its_upload_are_one(store: CustodyStore) -> None:
    begun(store)
    store.add_part(part(), now=NOW)
    made = sample_object(1, "k")
    commit = {"conditional": False, "expected": None, "upload": "u1"}
    assert not store.commit_object(made, **commit, claim="a"), "nobody claimed it"
    assert store.claim_upload("u1", "a", now=NOW)
    assert not store.commit_object(made, **commit, claim="b")
    assert store.object(made.dataset, made.key) is None
    assert store.commit_object(made, **commit, claim="a")
    assert store.object(made.dataset, made.key) == made
    assert store.upload("u1") is None
    assert store.upload_result("u1") == made.id
    assert not store.commit_object(sample_object(2, "k"), **commit, claim="a")
    assert store.ended_with_parts() == ("u1",)
    store.forget_parts("u1")
    assert store.ended_with_parts() == ()
    store.forget_ends(now=made.created_at + timedelta(hours=1))
    assert store.upload_result("u1") == made.id
    store.forget_ends(now=made.created_at + timedelta(days=2))
    assert store.upload_result("u1") is None


def test_conditions_hold_in_the_transaction(store: CustodyStore) -> None:
    first, second = sample_object(1, "k"), sample_object(2, "k")
    assert store.commit_object(first, conditional=True, expected=None)
    assert not store.commit_object(second, conditional=True, expected=None)
    assert not store.commit_object(second, conditional=True, expected=ObjectId("ff" * 16))
    assert store.object(first.dataset, first.key) == first
    assert store.commit_object(second, conditional=True, expected=first.id)
    assert store.remove_object(first.dataset, first.key, at=NOW, only=first.id) is None
    assert store.object(first.dataset, first.key) == second
    assert store.remove_object(first.dataset, first.key, at=NOW, only=second.id) == second


def test_one_of_many_commits_wins(store: CustodyStore) -> None:
    many = [sample_object(number, "k") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        done = list(
            pool.map(lambda one: store.commit_object(one, conditional=True, expected=None), many)
        )
    assert done.count(True) == 1
    assert store.object("faces", "k") == many[done.index(True)]


def test_one_of_many_claims_wins(store: CustodyStore) -> None:
    begun(store)
    with ThreadPoolExecutor(8) as pool:
        won = list(
            pool.map(lambda number: store.claim_upload("u1", f"c{number}", now=NOW), range(8))
        )
    assert won.count(True) == 1


def test_old_uploads_are_found_unless_somebody_completes_them(store: CustodyStore) -> None:
    begun(store)
    begun(store, "u2")
    store.claim_upload("u2", "a", now=NOW)
    assert store.expired_uploads(T0, now=NOW) == ()
    assert store.expired_uploads(NOW, now=NOW) == ("u1",)
    assert set(store.expired_uploads(NOW, now=LATER)) == {"u1", "u2"}
    store.add_part(part(), now=NOW)
    assert store.abort_upload("u1", now=NOW)
    assert not store.abort_upload("u1", now=NOW)
    assert store.ended_with_parts() == ("u1",)
    assert store.upload_result("u1") is None


def test_roles_and_pseudonyms(store: CustodyStore) -> None:
    role = Role(
        name="labelling",
        certificate=b"PQR1",
        issuer="forge",
        conditions=(("sub", "repo:*"), ("ref", "main")),
        lease_seconds=900,
        holder_bytes=1 << 40,
        holder_objects=5,
        added_by="operator:ana",
        added_at=T0,
    )
    store.add_role(role)
    assert store.role("labelling") == role
    with pytest.raises(InputError):
        store.add_role(role)
    store.add_role(replace(role, name="a"))
    assert [one.name for one in store.roles()] == ["a", "labelling"]
    assert store.remove_role("a")
    assert not store.remove_role("a")
    assert store.role("a") is None
    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(lambda _: store.holder_of("forge", "ana", now=T0), range(16)))
    assert len(names) == 1
    assert store.holder_of("forge", "bob", now=T0) not in names
    assert store.holder_of("other", "ana", now=T0) not in names
