"""Both engines of the gate give equal answers, wherever a content is cut."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.vet.gate_patterns import Hit, patterns
from pratique.vet.matching import BLOCK_BYTES, BlockSearch, Matcher, hyperscan_matcher, re2_matcher

pytest.importorskip("hyperscan")
QUICK = hyperscan_matcher(patterns())
OTHER = re2_matcher(patterns())

_FRAGMENTS = [
    b"import ", b"from ", b"os", b", ", b"subprocess", b".", b"exec", b"(", b")", b"\n", b" ", b"\\\n",
    b"eval", b"re.compile", b"compile", b"getattr", b"b64decode", b"base64", b"urllib", b"request",
    b"HTTPS://", b"wss:\\", b"127.0.0.1", b"\\x41\\x42\\x43\\x44", b"[::-1]", b"A" * 160, b"z" * 999,
    b"\xff", b"\0", b"\xc3\xa9", b"powershell", b".SSH", b"1,22,33,44,55,66,77,88,99,", b"popen", b"_",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(_FRAGMENTS), max_size=30).map(b"".join))
def test_both_engines_agree_on_pieces_of_code(data: bytes) -> None:
    assert QUICK.search(data) == OTHER.search(data)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=2000))
def test_both_engines_agree_on_any_bytes(data: bytes) -> None:
    assert QUICK.search(data) == OTHER.search(data)


def test_the_answer_does_not_depend_on_where_the_network_cut() -> None:
    rng = random.Random(7)
    data = b"x = 1\n" * 400_000
    place = BLOCK_BYTES - 4  # across the edge of a block
    data = data[:place] + b"\nimport subprocess\n" + data[place:]
    found = set()
    for _ in range(3):
        search = BlockSearch(QUICK)
        at = 0
        while at < len(data):
            step = rng.randrange(1, 300_000)
            search.feed(data[at : at + step])
            at += step
        found.add(search.found())
    assert found == {QUICK.search(data)}
    assert Hit.PROCESS in Hit(found.pop())


@pytest.mark.parametrize("matcher", [QUICK, OTHER], ids=["hyperscan", "re2"])
def test_nothing_is_found_in_nothing(matcher: Matcher) -> None:
    assert matcher.search(b"") == 0
