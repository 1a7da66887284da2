"""The key ring, with the power cut at each of its steps."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from pratique.custody.errors import BrokerRefusedError, KeyBrokenError
from pratique.edge.custody.broker import key_files, keyring
from pratique.edge.custody.broker.keyring import KeyRing


class PowerCutError(Exception):
    pass


class Cut:
    """Lets some durable steps happen, then none; each may be lost before or after it is on the disk."""

    def __init__(self, patch: pytest.MonkeyPatch, *, after: int, late: bool) -> None:
        self._left, self._late = after, late
        patch.setattr(keyring, "write_durably", self._step(key_files.write_durably))
        patch.setattr(keyring, "shred", self._step(key_files.shred))

    def _step(self, real: Callable[..., None]) -> Callable[..., None]:
        def step(*arguments: object) -> None:
            if self._left == 0:
                if self._late:
                    real(*arguments)
                raise PowerCutError
            self._left -= 1
            real(*arguments)

        return step


def ring(folder: Path) -> KeyRing:
    made = KeyRing(folder)
    made.make_client("lab")
    for name in ("one", "two", "three"):
        made.make_dataset(f"data-{name}", "lab")
    return made


def crashes(tmp_path: Path, act: Callable[[KeyRing], object]) -> int:
    """Run `act` with a cut after each step; gives how many steps it has."""
    for step in itertools.count():
        for late in (False, True):
            folder = tmp_path / f"{step}-{late}"
            held = ring(folder)
            before = {name: dataset.key for name, dataset in held.datasets.items()}
            with pytest.MonkeyPatch.context() as patch:
                Cut(patch, after=step, late=late)
                try:
                    act(held)
                except PowerCutError:
                    pass
                else:
                    return step
            check_reloaded(folder, before, act)
    raise AssertionError


def check_reloaded(
    folder: Path, before: dict[str, bytes], act: Callable[[KeyRing], object]
) -> None:
    """What is there is as it was or gone for good; the same again ends as it should."""
    again = KeyRing(folder)
    for name, key in before.items():
        assert (name in again.datasets) != (name in again.gone_datasets)
        if name in again.datasets:
            assert again.datasets[name].key == key
        else:
            assert not (folder / "datasets" / f"{name}.key").exists()
    try:
        act(again)
    except BrokerRefusedError as refused:
        assert refused.reason in {"key", "shredded"}  # noqa: PT017 - it need not refuse
    assert {name: held.key for name, held in KeyRing(folder).datasets.items()} == {
        name: held.key for name, held in again.datasets.items()
    }


def test_rotation_survives_a_cut_at_every_step(tmp_path: Path) -> None:
    assert crashes(tmp_path, lambda held: held.rotate_client("lab")) == 5
    for folder in tmp_path.iterdir():
        final = KeyRing(folder)
        assert len(final.datasets) == 3
        final.rotate_client("lab")
        assert len(list((folder / "clients").glob("*.key"))) == 1


def test_destroying_a_client_is_finished_after_a_cut(tmp_path: Path) -> None:
    def destroyed(held: KeyRing) -> None:
        held.destroy_client("lab")

    assert crashes(tmp_path, destroyed) == 8
    for folder in tmp_path.iterdir():
        assert (
            list((folder / "clients").glob("*.key"))
            == list((folder / "datasets").glob("*.key"))
            == []
        )
        assert set(KeyRing(folder).gone_datasets) == {"data-one", "data-two", "data-three"}


def test_destroying_a_dataset_is_finished_after_a_cut(tmp_path: Path) -> None:
    assert crashes(tmp_path, lambda held: held.destroy_dataset("data-two")) == 2
    for folder in tmp_path.iterdir():
        assert set(KeyRing(folder).datasets) == {"data-one", "data-three"}


def test_shredding_overwrites_what_was_there(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"key" * 20)
    linked = tmp_path / "linked"
    linked.hardlink_to(secret)  # shows what the blocks hold afterwards
    key_files.shred(secret)
    assert not secret.exists()
    assert linked.read_bytes() == bytes(60)
    key_files.shred(secret)


def test_keys_are_not_followed_to_other_places(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"mine")
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(OSError, match="symbolic"):
        key_files.shred(tmp_path / "link")
    assert target.read_bytes() == b"mine"


def test_files_are_not_exchanged(tmp_path: Path) -> None:
    """Whoever writes the folder cannot let one dataset's key pass for another's."""
    ring(tmp_path)
    one, two = (tmp_path / "datasets" / f"data-{name}.key" for name in ("one", "two"))
    kept = keyring._read(one, keyring.DatasetFile)
    keyring._write(two, keyring.msgspec.structs.replace(kept, dataset="data-two"))
    with pytest.raises(KeyBrokenError):
        KeyRing(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"\xc0", b"\x81\xa4type\xa6client"])
def test_a_damaged_key_file_stops_the_start(tmp_path: Path, damage: bytes) -> None:
    ring(tmp_path)
    (tmp_path / "datasets" / "data-one.key").write_bytes(damage)
    with pytest.raises(KeyBrokenError):
        KeyRing(tmp_path)


def test_a_dataset_that_is_rotated_survives_a_cut_at_every_step(tmp_path: Path) -> None:
    """Whatever was wrapped opens at every moment, until the rotation is ended on purpose."""
    for step, late in itertools.product(range(4), (False, True)):
        folder = tmp_path / f"{step}-{late}"
        held = ring(folder)
        first = held.dataset("data-one").key
        with pytest.MonkeyPatch.context() as patch:
            Cut(patch, after=step, late=late)
            try:
                held.rotate_dataset("data-one")
            except PowerCutError:
                assert step < 3
            else:
                assert step == 3
        again = KeyRing(folder)
        assert again.dataset("data-one").under(1) == first
        kept = again.rotate_dataset("data-one")
        assert (kept.file.generation, sorted(kept.former)) == (2, [1])
        assert again.rotate_dataset("data-one").key == kept.key
        reloaded = KeyRing(folder).dataset("data-one")
        assert (reloaded.under(1), reloaded.under(2)) == (first, kept.key)
        with pytest.MonkeyPatch.context() as patch:
            Cut(patch, after=0, late=late)
            with pytest.raises(PowerCutError):
                KeyRing(folder).end_rotation("data-one")
        final = KeyRing(folder)
        final.end_rotation("data-one")
        with pytest.raises(BrokerRefusedError) as caught:
            KeyRing(folder).dataset("data-one").under(1)
        assert caught.value.reason == "rotated"
        assert KeyRing(folder).dataset("data-one").under(2) == kept.key
