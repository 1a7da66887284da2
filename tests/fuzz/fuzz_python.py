"""Coverage-guided fuzzing of reading Python, run by hand.

python -m pip install atheris
python tests/fuzz/fuzz_python.py -max_total_time=600 FOLDER_OF_SOURCES

The same laws as tests/vet/python/test_laws.py hold: no exception, no failed reader, the same answer twice,
every call in a region and on a line of the source. Atheris is not a requirement of this project; the
property tests cover the rest.
"""

import sys

import atheris

with atheris.instrument_imports(include=["pratique.vet"]):
    from pratique.vet.python import ReadLimits, read_python

LIMITS = ReadLimits(steps=5000, made_bytes=500_000, value_bytes=100_000, statements=2000)


def check(data: bytes) -> None:
    file = read_python(data, limits=LIMITS)
    failed = [sentence for sentence in file.unfinished if sentence.startswith("reading failed")]
    if failed:
        raise AssertionError(failed)
    if read_python(data, limits=LIMITS) != file:
        raise AssertionError("two answers for one source")
    for call in file.calls:
        if not (0 <= call.region < len(file.regions) and 1 <= call.line <= len(file.lines)):
            raise AssertionError(call)


atheris.Setup(sys.argv, check)
atheris.Fuzz()
