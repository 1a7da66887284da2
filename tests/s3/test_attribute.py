"""`pratique dataset mark` and `pratique attribute`, from marking to a named lease, with real copies."""

from __future__ import annotations

import asyncio
import csv
import gzip
import json
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from kit.marks import as_jsonl, some_records
from kit.s3_door import Custodian, boto, custodian, s3_door
from pratique.custody.model import Copy, LeaseId
from pratique.doors.cli import cli
from pratique.errors import InputError, PratiqueError
from pratique.store.logs import open_log

RECORDS = some_records(3000, seed=4)
DATA = as_jsonl(RECORDS)
Rows = list[dict[str, Any]]


def _run(keeper: Custodian, *words: str) -> Result:
    return CliRunner().invoke(cli, [*words, "--home", str(keeper.settings.home)])


def _answer(keeper: Custodian, *words: str) -> tuple[int, dict[str, Any]]:
    result = _run(keeper, *words, "--format", "json")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    (dataset,) = json.loads(result.stdout)["datasets"]
    return result.exit_code, dataset


class Leaks:
    """A marked dataset with leases, and the copy that each of them read."""

    def __init__(self, keeper: Custodian) -> None:
        self.keeper = keeper
        keeper.dataset()
        keeper.put("a.jsonl", DATA)
        self.marked = _run(
            keeper, "dataset", "mark", "dialogs", "--share", "20%", "--format", "json"
        )
        self.leases = [keeper.grant() for _ in range(6)]
        self.plain = keeper.grant(copy=Copy.CANONICAL)
        self.copies: dict[LeaseId, bytes] = {}
        asyncio.run(self._read([*self.leases[:4], self.plain]))

    async def _read(self, leases: list[Any]) -> None:
        async with s3_door(self.keeper.settings) as serving:
            for lease, secret in leases:
                client = boto(serving.url, lease, secret)
                got = await asyncio.to_thread(client.get_object, Bucket="dialogs", Key="a.jsonl")
                self.copies[lease.id] = await asyncio.to_thread(got["Body"].read)

    def rows(self, number: int) -> Rows:
        return [json.loads(line) for line in self.copies[self.leases[number][0].id].splitlines()]


@pytest.fixture(scope="module")
def leaks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Leaks]:
    with custodian(tmp_path_factory.mktemp("home")) as keeper:
        yield Leaks(keeper)


def test_marking_says_what_it_did(leaks: Leaks) -> None:
    assert leaks.marked.exit_code == 0, leaks.marked.output
    said = json.loads(leaks.marked.stdout)
    assert said["objects"] == 1
    assert 400 < said["marks"] <= 600
    assert said["read_bytes"] == len(DATA)
    with closing(open_log(leaks.keeper.settings)) as log:
        entry = next(log.entries(said["entry"], said["entry"] + 1))
    assert entry.body == {
        "version": 0,
        "marks": said["marks"],
        "index_sha256": said["index_sha256"],
        "key_commitment": said["key_commitment"],
    }
    again = _run(leaks.keeper, "dataset", "mark", "dialogs")
    assert again.exit_code == 0
    assert "nothing new to mark" in again.output


def _jsonl(rows: Rows, path: Path) -> Path:
    path = path.with_suffix(".jsonl")
    path.write_text("\n".join(json.dumps(row, sort_keys=True) for row in rows))
    return path


def _array(rows: Rows, path: Path) -> Path:
    path.write_text(json.dumps({"data": rows}, indent=2, ensure_ascii=False))
    return path


def _csv(rows: Rows, path: Path) -> Path:
    path = path.with_suffix(".csv")
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["q", "a"])
        writer.writerows([row["prompt"], row["completion"]] for row in rows)
    return path


def _parquet(rows: Rows, path: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def _chat(rows: Rows, path: Path) -> Path:
    path.write_text(
        "\n".join(
            f"<|user|>\n{row['prompt']}\n<|assistant|>\n{row['completion']} <end>" for row in rows
        )
    )
    return path


def _cleaned(rows: Rows, path: Path) -> Path:
    text = json.dumps(rows, ensure_ascii=False)
    for curly, plain in (("’", "'"), ("…", "..."), ("–", "-"), ("  ", " ")):
        text = text.replace(curly, plain)
    path.write_text(text.lower())
    return path


@pytest.mark.slow
@pytest.mark.parametrize("form", [_jsonl, _array, _csv, _parquet, _chat, _cleaned])
def test_a_leak_names_its_lease_in_whatever_form(
    leaks: Leaks, form: Callable[[Rows, Path], Path], tmp_path: Path
) -> None:
    rows = random.Random(form.__name__).sample(leaks.rows(1), 1400)
    code, found = _answer(leaks.keeper, "attribute", str(form(rows, tmp_path / "leak")))
    lease = leaks.leases[1][0]
    assert code == 1
    (named,) = found["named"]
    assert named["lease"] == lease.id
    assert named["holder"] == lease.holder
    assert named["false_accusation"] <= 1e-6
    assert named["score"] >= named["threshold"]
    assert named["proof"]["holds"]
    assert named["proof"]["entry"] < named["proof"]["first_read"]
    assert named["given"] == found["readable"] > 100


def test_the_answer_for_people_and_its_evidence(leaks: Leaks, tmp_path: Path) -> None:
    sample, evidence = _jsonl(leaks.rows(0)[:1500], tmp_path / "leak"), tmp_path / "proof.json"
    result = _run(leaks.keeper, "attribute", str(sample), "--evidence", str(evidence))
    assert result.exit_code == 1
    assert f"lease {leaks.leases[0][0].id}" in result.output
    assert "committed to in ledger entry" in result.output
    assert "the commitment opens" in result.output
    assert "is at most" in result.output
    key = result.output.rpartition("--key '")[2].partition("'")[0]
    verified = CliRunner().invoke(cli, ["verify", str(evidence), "--key", key])
    assert verified.exit_code == 0, verified.output


def test_mixed_copies_name_only_those_who_mixed(leaks: Leaks, tmp_path: Path) -> None:
    rng = random.Random(3)
    rows = [rng.choice(pair) for pair in zip(leaks.rows(1), leaks.rows(3), strict=True)]
    code, found = _answer(leaks.keeper, "attribute", str(_jsonl(rows, tmp_path / "leak")))
    named = {one["lease"] for one in found["named"]}
    assert named <= {leaks.leases[1][0].id, leaks.leases[3][0].id}
    assert code == (1 if named else 3)


def test_too_small_a_sample_names_nobody_but_who_was_given_it(leaks: Leaks, tmp_path: Path) -> None:
    sample = _jsonl(leaks.rows(2)[:100], tmp_path / "leak")
    code, found = _answer(leaks.keeper, "attribute", str(sample))
    assert code == 3
    assert found["named"] == []
    assert 0 < found["readable"] < found["needed"]
    given = {one["lease"] for one in found["candidates"]}
    assert given == {lease.id for lease, _ in leaks.leases[:4]}, "two never read anything"
    assert [one["lease"] for one in found["canonical_candidates"]] == [leaks.plain[0].id]
    result = _run(leaks.keeper, "attribute", str(sample))
    assert result.exit_code == 3
    assert "more readable marks are needed" in result.output
    assert "4 leases were given any of these places" in result.output


def test_canonical_bytes_are_told_apart_and_accuse_nobody(leaks: Leaks, tmp_path: Path) -> None:
    code, found = _answer(leaks.keeper, "attribute", str(_jsonl(RECORDS, tmp_path / "leak")))
    assert code == 3
    assert found["named"] == []
    assert found["canonical"]
    assert found["answer"] == "canonical"
    text = _run(leaks.keeper, "attribute", str(_jsonl(RECORDS, tmp_path / "leak"))).output
    assert "made from canonical bytes" in text
    assert "1 lease was given canonical bytes" in text
    assert [one["lease"] for one in found["canonical_candidates"]] == [leaks.plain[0].id]


def test_a_holder_who_read_in_parts_under_many_leases_is_named(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with custodian(tmp_path_factory.mktemp("parts")) as keeper:
        keeper.dataset()
        for number in range(8):
            keeper.put(f"{number}.jsonl", as_jsonl(some_records(400, seed=number)))
        assert _run(keeper, "dataset", "mark", "dialogs", "--share", "10%").exit_code == 0
        own = [keeper.grant(holder="p-9") for _ in range(8)]
        others = [keeper.grant(holder=f"q-{n % 2}") for n in range(8)]
        rows: Rows = []

        async def read() -> None:
            async with s3_door(keeper.settings) as serving:
                for number in range(8):
                    for lease, secret in (others[number], own[number]):
                        client = boto(serving.url, lease, secret)
                        got = await asyncio.to_thread(
                            client.get_object, Bucket="dialogs", Key=f"{number}.jsonl"
                        )
                        data = await asyncio.to_thread(got["Body"].read)
                    rows.extend(json.loads(line) for line in data.splitlines())

        asyncio.run(read())
        sample = _jsonl(random.Random(2).sample(rows, 1600), tmp_path / "leak")
        code, found = _answer(keeper, "attribute", str(sample))
        assert code == 1
        (holder,) = found["holders"]
        assert holder["scope"] == "holder:acme/dialogs/p-9"
        assert holder["false_accusation"] <= 1e-6
        assert {one["lease"] for one in holder["leases"]} == {lease.id for lease, _ in own}
        assert all(one["proof"]["holds"] for one in holder["leases"])
        assert {one["lease"] for one in found["named"]} <= {lease.id for lease, _ in own}
        text = _run(keeper, "attribute", str(sample))
        assert "holder:acme/dialogs/p-9, whose 8 leases read the data in parts" in text.output
        assert "8 of 8 commitments open" in text.output


def test_data_from_elsewhere_shows_no_mark(leaks: Leaks, tmp_path: Path) -> None:
    sample = _jsonl(some_records(500, seed=99), tmp_path / "leak")
    code, found = _answer(leaks.keeper, "attribute", str(sample))
    assert (code, found["readable"], found["named"]) == (3, 0, [])
    assert "no record with a mark was found" in _run(leaks.keeper, "attribute", str(sample)).output


def test_what_a_detector_read_counts(leaks: Leaks, tmp_path: Path) -> None:
    keeper, lease = leaks.keeper, leaks.leases[2][0]
    marks = json.loads(leaks.marked.stdout)["marks"]
    _, (packed,) = keeper.admin.codewords("dialogs", [lease.id], range(marks))
    bits = int.from_bytes(packed, "little")
    observed = tmp_path / "observed.jsonl"
    observed.write_text("".join(f'{{"mark": {n}, "bit": {bits >> n & 1}}}\n' for n in range(150)))
    code, found = _answer(keeper, "attribute", "--observed", str(observed), "--dataset", "dialogs")
    assert code == 1
    assert [one["lease"] for one in found["named"]] == [lease.id]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "nothing to look at"),
        (["--observed", "OBSERVED"], "needs the --dataset"),
        (["SAMPLE", "--dataset", "other"], "no dataset"),
        (["BROKEN"], "looks like JSON"),
        (["EMPTY"], "there is nothing in"),
        (["BLANK"], "there is nothing in"),
        (["FOLDER"], "there is no file in"),
        (["PACKED"], "is compressed (gzip)"),
        (["NOISE"], "neither text nor"),
        (["PICTURE"], "neither text nor"),
        (["TABLE"], "cannot be read as Parquet"),
        (["WIDE"], "UTF-16"),
        (["--observed", "SAMPLE", "--dataset", "dialogs"], "not what a detector read"),
    ],
)
def test_bad_input_is_told(leaks: Leaks, tmp_path: Path, words: list[str], says: str) -> None:
    files = {
        "SAMPLE": b'{"a": 1}\n',
        "OBSERVED": b'{"mark": 1, "bit": 1}',
        "BROKEN": b'{"a": \n [1',
        "EMPTY": b"",
        "BLANK": b"\n  \n",
        "FOLDER": b"",
        "PACKED": gzip.compress(DATA),
        "NOISE": random.Random(1).randbytes(5000),
        "PICTURE": b"GIF89a" + bytes(50),
        "TABLE": b"PAR1" + bytes(100) + b"PAR1",
        "WIDE": DATA.decode().encode("utf-16"),
    }
    for name, data in files.items():
        if name == "FOLDER":
            (tmp_path / name).mkdir()
        else:
            (tmp_path / name).write_bytes(data)
    given = [str(tmp_path / word) if word in files else word for word in words]
    result = _run(leaks.keeper, "attribute", *given)
    assert isinstance(result.exception, PratiqueError)
    assert says in str(result.exception)
    assert isinstance(result.exception, InputError)  # exit code 2


def test_in_a_folder_what_cannot_be_read_is_told_and_the_rest_counts(
    leaks: Leaks, tmp_path: Path
) -> None:
    folder = tmp_path / "leak"
    folder.mkdir()
    _jsonl(leaks.rows(0)[:1500], folder / "part")
    (folder / "packed.gz").write_bytes(gzip.compress(DATA))
    result = _run(leaks.keeper, "attribute", str(folder), "--format", "json")
    said = json.loads(result.stdout)
    assert (result.exit_code, said["records"]) == (1, 1500)
    assert [Path(one["path"]).name for one in said["unread"]] == ["packed.gz"]
    assert said["datasets"][0]["answer"] == "named"
    text = _run(leaks.keeper, "attribute", str(folder))
    assert "not read: " in text.output
    assert "is compressed (gzip)" in text.output


def test_a_byte_order_mark_hides_nothing(leaks: Leaks, tmp_path: Path) -> None:
    sample = tmp_path / "leak.jsonl"
    sample.write_bytes(b"\xef\xbb\xbf" + leaks.copies[leaks.leases[1][0].id])
    code, found = _answer(leaks.keeper, "attribute", str(sample))
    assert code == 1
    assert found["readable"] == found["marks"]
    assert [one["lease"] for one in found["named"]] == [leaks.leases[1][0].id]


def test_ten_lines_are_too_few_and_the_answer_says_what_is_missing(
    leaks: Leaks, tmp_path: Path
) -> None:
    sample = _jsonl(leaks.rows(1)[:10], tmp_path / "leak")
    code, found = _answer(leaks.keeper, "attribute", str(sample))
    assert (code, found["answer"], found["named"]) == (3, "cannot say", [])
    assert found["needed"] > found["readable"]
    result = _run(leaks.keeper, "attribute", str(sample))
    assert "cannot say" in result.output


@pytest.mark.parametrize("share", ["0", "50%", "x", "-1%", "nan"])
def test_shares_that_are_none(leaks: Leaks, share: str) -> None:
    result = _run(leaks.keeper, "dataset", "mark", "dialogs", f"--share={share}")
    assert isinstance(result.exception, PratiqueError)
    assert "share" in str(result.exception)


def test_no_bits_nor_keys_reach_the_ledger(leaks: Leaks) -> None:
    lease = leaks.leases[0][0]
    marks = json.loads(leaks.marked.stdout)["marks"]
    opening = leaks.keeper.admin.reveal("dialogs", lease.id, marks)
    with closing(open_log(leaks.keeper.settings)) as log:
        leaves = b"".join(log.leaves())
    assert opening.salt.hex().encode() not in leaves
    assert opening.codeword.hex().encode() not in leaves
    parts = leaks.keeper.settings.home / "parts"
    kept = b"".join(path.read_bytes() for path in sorted(parts.rglob("*.1")))
    assert kept
    assert b"do not" not in kept


def test_a_sweep_of_parts_takes_marks_for_what_they_are(leaks: Leaks) -> None:
    result = _run(leaks.keeper, "dataset", "check", "--young-hours", "0", "--format", "json")
    said = json.loads(result.stdout)
    assert (said["orphans"], said["damaged"]) == ([], [])
    assert result.exit_code == 0
