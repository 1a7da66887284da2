"""Coverage-guided fuzzing of archive reading, run by hand.

python -m pip install atheris
python tests/fuzz/fuzz_archives.py -max_total_time=600 FOLDER_OF_ARCHIVES

The same laws as tests/vet/archives hold: no exception and no failed reader, the same result for any
split of the bytes, and whatever zipfile would unpack was examined unless the reading says it is not whole.
The first byte of the input chooses the file name. Atheris is not a requirement of this project; the
property tests cover the rest.
"""

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

with atheris.instrument_imports(include=["pratique"]):
    from pratique.vet.archives.model import Limits
    from pratique.vet.archives.reader import open_archive, read_archive

from kit.archive_samples import installed_by_tarfile, installed_by_zipfile

NAMES = ("x-1-py3-none-any.whl", "x-1.zip", "x-1.tar", "x-1.tar.gz", "x-1.tar.bz2", "x-1.tar.xz")
LIMITS = Limits(
    ratio_free_bytes=1 << 20, held_bytes=1 << 16, held_text_bytes=1 << 16, skipped_bytes=1 << 20
)


def check(data: bytes) -> None:
    name, data = NAMES[data[0] % len(NAMES)] if data else "x", data[1:]
    members = []
    walk = read_archive(data, name, limits=LIMITS)
    while True:
        try:
            members.append(next(walk))
        except StopIteration as stop:
            reading = stop.value
            break
    assert "reader-failed" not in {p.code for p in reading.problems}, reading.problems
    assert len(members) == len(reading.members)
    if reading.whole and name.endswith((".whl", ".zip")):
        assert installed_by_zipfile(data) <= {(m.path, m.data) for m in members}
    elif reading.whole:
        assert installed_by_tarfile(data) <= {(m.path, m.sha256) for m in members}
    pieces = open_archive(name, limits=LIMITS, size=len(data))
    again = [m for at in range(0, len(data), 7) for m in pieces.feed(data[at : at + 7])]
    again += pieces.end(data)
    assert pieces.finish().whole == reading.whole
    if not any(
        "broken" in p.code or "limit" in p.code or "bad" in p.code for p in reading.problems
    ):
        assert again == members


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
