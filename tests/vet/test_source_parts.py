"""A source by its lines: where functions are, and which stretches can be taken out."""

import pytest

from pratique.vet.source_parts import functions_of, is_whole

SOURCE = b"""import os

class A:
    def one(self):
        return (
            1
        )

    @property
    async def two(self):
        def inner():
            pass

        # a comment
    x = 1

def three(): return 3
"""


def test_functions_are_found_with_their_classes_and_ends() -> None:
    lines = SOURCE.split(b"\n")
    found = [(f.qualified, f.start + 1, f.end) for f in functions_of(lines)]
    assert found == [("A.one", 4, 7), ("A.two", 10, 12), ("three", 17, 17)]


WHOLE = [
    rb"def f(): return 'a' + 'b'",
    rb'def f(): "it ' + b"'s" + rb'"',
    rb"def f(): return f'{x}'  # it's",
    rb"def f(): return 'a\'b'",
]
OPEN = [
    b'def f():\n    x = """\n    more',
    b"def f():\n    x = 'open",
    b'def f():\n    pass\n    """',
    b"def f():\n    x = 1 + \\",
    b"def f(): return f\"{'''\"",
    b'def f(): return f"{"""a',
    b'def f(): return rf"""{x}"""',
]


@pytest.mark.parametrize("text", WHOLE)
def test_texts_that_end_where_they_should(text: bytes) -> None:
    assert is_whole(text)


@pytest.mark.parametrize("text", OPEN)
def test_texts_that_may_reach_further(text: bytes) -> None:
    assert not is_whole(text)
