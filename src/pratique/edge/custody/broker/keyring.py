"""The keys of clients and datasets, in memory and in one small file each.

Order: a key file is durable before its key is used; a tombstone is durable before its key is shredded,
and loading finishes what a crash interrupted. A name whose dataset key was destroyed stays burnt.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from pratique.custody.errors import BrokerRefusedError, KeyBrokenError
from pratique.custody.wrapping import NONCE_BYTES, unwrap, wrap
from pratique.edge.custody.broker.key_files import make_folder, shred, write_durably
from pratique.edge.custody.broker.master import MASTER_FILE, Master, load_master

_CLIENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")
_DATASET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_MAX_FILE = 4096


class ClientFile(msgspec.Struct, frozen=True, kw_only=True, tag="client"):
    """`clients/NAME.GEN.key`."""

    client: str
    generation: int
    made_at: datetime
    wrapped: bytes


class DatasetFile(msgspec.Struct, frozen=True, kw_only=True, tag="dataset"):
    """`datasets/NAME.key`."""

    dataset: str
    client: str
    client_generation: int
    generation: int
    made_at: datetime
    mark_id: str
    wrapped: bytes


class Tombstone(msgspec.Struct, frozen=True, kw_only=True, tag="gone"):
    """`NAME.gone`: a key was here, and was destroyed."""

    name: str
    client: str
    generation: int
    """The newest that there was."""
    destroyed_at: datetime
    mark_id: str = ""


_Kept = TypeVar("_Kept", ClientFile, DatasetFile, Tombstone)


@dataclass(slots=True, kw_only=True)
class ClientKey:
    """A client's newest key."""

    generation: int
    made_at: datetime
    key: bytes = field(repr=False)


@dataclass(slots=True, kw_only=True)
class DatasetKey:
    """A dataset's key, and while it is being rotated those before it."""

    file: DatasetFile
    key: bytes = field(repr=False)
    former: dict[int, DatasetKey] = field(default_factory=dict)
    """By generation. What is wrapped under them still opens, and nothing new is wrapped."""

    def under(self, generation: int) -> bytes:
        """The key of a generation. Raises: BrokerRefusedError (`rotated`) when it was destroyed."""
        if generation == self.file.generation:
            return self.key
        held = self.former.get(generation)
        if held is None:
            raise _no(
                f"key {generation} of dataset {self.file.dataset} is gone: it was rotated; ask anew",
                reason="rotated",
            )
        return held.key


class KeyRing:
    """All keys of an installation. One thread at a time."""

    def __init__(self, folder: Path) -> None:
        """Load everything. Raises: KeyBrokenError, OSError."""
        self._clients_folder, self._datasets_folder = folder / "clients", folder / "datasets"
        for each in (folder, self._clients_folder, self._datasets_folder):
            make_folder(each)
        first = not any(self._clients_folder.iterdir()) and not any(self._datasets_folder.iterdir())
        self.master: Master = load_master(folder, may_make=first)
        self.clients: dict[str, ClientKey] = {}
        self.datasets: dict[str, DatasetKey] = {}
        self.gone_clients: dict[str, Tombstone] = {}
        self.gone_datasets: dict[str, Tombstone] = {}
        try:
            self._load()
        except KeyBrokenError as error:
            raise KeyBrokenError(
                error.message, remedy=f"is {MASTER_FILE} the one these keys were made under?"
            ) from None

    # ── loading ──────────────────────────────────────────────────────────────────────────────

    def _load(self) -> None:
        self.gone_clients = self._tombstones(self._clients_folder)
        self.gone_datasets = self._tombstones(self._datasets_folder)
        generations = self._load_clients()
        for path in sorted(self._datasets_folder.glob("*.key")):
            kept = _read(path, DatasetFile)
            if kept.client_generation <= self._last_gone(kept.client):
                self._bury(kept, at=self.gone_clients[kept.client].destroyed_at)
            if kept.dataset in self.gone_datasets:
                shred(path)
                continue
            under = generations.get((kept.client, kept.client_generation))
            if under is None:
                raise KeyBrokenError(
                    f"{path}: the key of client {kept.client} that opens it is missing"
                )
            key = unwrap(kept.wrapped, under=under, context=_dataset_context(kept))
            self.datasets[kept.dataset] = DatasetKey(file=kept, key=key)
        self._load_former(generations)

    def _load_former(self, generations: dict[tuple[str, int], bytes]) -> None:
        """Keys of rotations that go on; copies that a crash left before the new key was there go."""
        for path in sorted(self._datasets_folder.glob("*.former")):
            kept = _read(path, DatasetFile)
            held = self.datasets.get(kept.dataset)
            if kept.dataset in self.gone_datasets:
                shred(path)
                continue
            under = generations.get((kept.client, kept.client_generation))
            if held is None or under is None:
                raise KeyBrokenError(f"{path}: the keys that belong to it are missing")
            if kept.generation >= held.file.generation:
                shred(path)
                continue
            key = unwrap(kept.wrapped, under=under, context=_dataset_context(kept))
            held.former[kept.generation] = DatasetKey(file=kept, key=key)

    def _load_clients(self) -> dict[tuple[str, int], bytes]:
        """Keys of all generations; those below a tombstone are shredded now."""
        found: dict[tuple[str, int], bytes] = {}
        for path in sorted(self._clients_folder.glob("*.key")):
            kept = _read(path, ClientFile)
            if kept.generation <= self._last_gone(kept.client):
                shred(path)
                continue
            context = _client_context(kept.client, kept.generation)
            key = unwrap(kept.wrapped, under=self.master.wrapping, context=context)
            found[kept.client, kept.generation] = key
            newest = self.clients.get(kept.client)
            if newest is None or newest.generation < kept.generation:
                self.clients[kept.client] = ClientKey(
                    generation=kept.generation, made_at=kept.made_at, key=key
                )
        return found

    def _last_gone(self, client: str) -> int:
        tombstone = self.gone_clients.get(client)
        return tombstone.generation if tombstone is not None else 0

    @staticmethod
    def _tombstones(folder: Path) -> dict[str, Tombstone]:
        stones = (_read(path, Tombstone) for path in folder.glob("*.gone"))
        return {stone.name: stone for stone in stones}

    # ── making ───────────────────────────────────────────────────────────────────────────────

    def make_client(self, client: str) -> int:
        """A client's first key, or a new one after its key was destroyed; gives its generation."""
        if _CLIENT.fullmatch(client) is None:
            raise _no("not a name for a client", reason="request")
        if client in self.clients:
            raise _no(f"client {client} has a key already", reason="request")
        return self._add_generation(client, self._last_gone(client) + 1)

    def make_dataset(self, dataset: str, client: str) -> DatasetKey:
        """A dataset's key under its client's. Raises: BrokerRefusedError."""
        if _DATASET.fullmatch(dataset) is None:
            raise _no("not a name for a dataset", reason="request")
        if dataset in self.datasets:
            raise _no(f"dataset {dataset} has a key already", reason="request")
        if dataset in self.gone_datasets:
            raise _no(
                f"the key of dataset {dataset} was destroyed; choose another name", "shredded"
            )
        above = self.clients.get(client)
        if above is None:
            raise _no(f"client {client} has no key", reason="key")
        kept = DatasetFile(
            dataset=dataset,
            client=client,
            client_generation=above.generation,
            generation=1,
            made_at=_now(),
            mark_id=secrets.token_hex(16),
            wrapped=b"",
        )
        made = DatasetKey(file=kept, key=secrets.token_bytes(32))
        self._keep_dataset(made, above)
        return self.datasets[dataset]

    def _keep_dataset(self, made: DatasetKey, above: ClientKey) -> None:
        """Keep a key, and those before it, durably under a client's newest one."""
        former = {}
        for generation, held in made.former.items():
            kept = _under_client(held, above)
            _write(self._former_path(kept), kept)
            former[generation] = DatasetKey(file=kept, key=held.key)
        kept = _under_client(made, above)
        _write(self._datasets_folder / f"{kept.dataset}.key", kept)
        self.datasets[kept.dataset] = DatasetKey(file=kept, key=made.key, former=former)

    def _add_generation(self, client: str, generation: int) -> int:
        key, context = secrets.token_bytes(32), _client_context(client, generation)
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = wrap(key, under=self.master.wrapping, context=context, nonce=nonce)
        made = ClientFile(client=client, generation=generation, made_at=_now(), wrapped=sealed)
        _write(self._client_path(client, generation), made)
        self.clients[client] = ClientKey(generation=generation, made_at=made.made_at, key=key)
        return generation

    # ── changing and destroying ──────────────────────────────────────────────────────────────

    def rotate_client(self, client: str) -> tuple[int, list[str]]:
        """A new key for a client, its datasets' keys wrapped anew, older keys shredded.

        Order: new key durable, each dataset's file replaced durably, old keys shredded. A crash leaves
        files that open under either; rotating again finishes. Gives (generation, datasets).
        """
        if client not in self.clients:
            raise _no(f"client {client} has no key", reason="key")
        generation = self._add_generation(client, self.clients[client].generation + 1)
        mine = self._datasets_of(client)
        for dataset in mine:
            self._keep_dataset(dataset, self.clients[client])
        self._shred_generations(client, below=generation)
        return generation, [dataset.file.dataset for dataset in mine]

    def rotate_dataset(self, dataset: str) -> DatasetKey:
        """A new key for a dataset beside the one it has; again while both are there: nothing new.

        Order: the old key is durable under its other name, then the new one takes its place. What is
        wrapped under the old one opens until `end_rotation`. Raises: BrokerRefusedError.
        """
        held = self.dataset(dataset)
        if held.former:
            return held
        _write(self._former_path(held.file), held.file)
        kept = msgspec.structs.replace(
            held.file, generation=held.file.generation + 1, made_at=_now(), wrapped=b""
        )
        fresh = DatasetKey(file=kept, key=secrets.token_bytes(32))
        fresh.former[held.file.generation] = held
        self._keep_dataset(fresh, self.clients[kept.client])
        return self.datasets[dataset]

    def end_rotation(self, dataset: str) -> DatasetKey:
        """Destroy the keys before the newest: what is still wrapped under them is lost."""
        held = self.dataset(dataset)
        former, held.former = held.former, {}
        for old in former.values():
            shred(self._former_path(old.file))
        return held

    def destroy_dataset(self, dataset: str) -> Tombstone:
        """After this nothing of the dataset decrypts any more. Raises: BrokerRefusedError."""
        held = self.datasets.pop(dataset, None)
        if held is None:
            raise _no(f"dataset {dataset} has no key", reason="key")
        stone = self._bury(held.file, at=_now())
        shred(self._datasets_folder / f"{dataset}.key")
        for old in held.former.values():
            shred(self._former_path(old.file))
        return stone

    def _bury(self, kept: DatasetFile, *, at: datetime) -> Tombstone:
        stone = Tombstone(
            name=kept.dataset,
            client=kept.client,
            generation=kept.generation,
            destroyed_at=at,
            mark_id=kept.mark_id,
        )
        _write(self._datasets_folder / f"{kept.dataset}.gone", stone)
        self.gone_datasets[kept.dataset] = stone
        return stone

    def destroy_client(self, client: str) -> tuple[Tombstone, list[str]]:
        """Destroy a client's keys and those of its datasets; gives their names."""
        held = self.clients.pop(client, None)
        if held is None:
            raise _no(f"client {client} has no key", reason="key")
        stone = Tombstone(
            name=client, client=client, generation=held.generation, destroyed_at=_now()
        )
        _write(self._clients_folder / f"{client}.gone", stone)
        self.gone_clients[client] = stone
        self._shred_generations(client, below=held.generation + 1)
        names = [dataset.file.dataset for dataset in self._datasets_of(client)]
        for name in names:
            self.destroy_dataset(name)
        return stone, names

    def _shred_generations(self, client: str, *, below: int) -> None:
        for generation in range(1, below):
            shred(self._client_path(client, generation))

    def _datasets_of(self, client: str) -> list[DatasetKey]:
        return [held for held in self.datasets.values() if held.file.client == client]

    def _client_path(self, client: str, generation: int) -> Path:
        return self._clients_folder / f"{client}.{generation}.key"

    def _former_path(self, kept: DatasetFile) -> Path:
        return self._datasets_folder / f"{kept.dataset}.{kept.generation}.former"

    # ── using ────────────────────────────────────────────────────────────────────────────────

    def dataset(self, dataset: str) -> DatasetKey:
        """A dataset's key. Raises: BrokerRefusedError."""
        held = self.datasets.get(dataset)
        if held is None:
            if dataset in self.gone_datasets:
                raise _no(f"the key of dataset {dataset} was destroyed", "shredded")
            raise _no(f"dataset {dataset} has no key here", reason="key")
        return held

    def mark_key(self, dataset: str) -> bytes:
        """The mark key of a dataset, destroyed ones included. Raises: BrokerRefusedError."""
        stone = self.gone_datasets.get(dataset)
        return self.master.mark_key(stone.mark_id if stone else self.dataset(dataset).file.mark_id)


def _no(message: str, reason: str) -> BrokerRefusedError:
    return BrokerRefusedError(message, reason=reason)


def _under_client(held: DatasetKey, above: ClientKey) -> DatasetFile:
    """A dataset's key as its file has it, under a client's key."""
    kept = msgspec.structs.replace(held.file, client_generation=above.generation)
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = wrap(held.key, under=above.key, context=_dataset_context(kept), nonce=nonce)
    return msgspec.structs.replace(kept, wrapped=sealed)


def _client_context(client: str, generation: int) -> bytes:
    return f"pratique-client-key-1\x00{client}\x00{generation}".encode()


def _dataset_context(kept: DatasetFile) -> bytes:
    names = f"{kept.dataset}\x00{kept.client}\x00{kept.client_generation}\x00{kept.generation}"
    return f"pratique-dataset-key-1\x00{names}\x00{kept.mark_id}".encode()


def _now() -> datetime:
    return datetime.now(tz=UTC).replace(microsecond=0)


def _write(path: Path, kept: ClientFile | DatasetFile | Tombstone) -> None:
    write_durably(path, msgspec.msgpack.encode(kept))


def _read(path: Path, kind: type[_Kept]) -> _Kept:
    try:
        with path.open("rb") as file:
            return msgspec.msgpack.decode(file.read(_MAX_FILE), type=kind)
    except msgspec.DecodeError:
        raise KeyBrokenError(f"{path} is damaged", remedy="put it back from its copy") from None
