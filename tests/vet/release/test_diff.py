"""What is news against a base, and what is not."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.release_facts import code, region, sign, view_of
from pratique.vet.model import Capability, ContentFacts, Language, Reach
from pratique.vet.release.diff import capabilities, key_of, new_capabilities, new_signs
from pratique.vet.release.view import ReleaseView


def news(
    files: dict[str, ContentFacts], base: dict[str, ContentFacts], **options: str
) -> list[tuple[str, str]]:
    kind = options.get("kind", "wheel")
    old = view_of(base, kind=kind, filename=options.get("old", ""))
    found = new_signs(view_of(files, kind=kind, filename=options.get("new", "")), old)
    return [(placed.path, placed.sign.trait) for placed in found]


def test_an_equal_release_has_no_news() -> None:
    files = {
        "pkg/__init__.py": code(region(""), region("f"), signs=[sign("a"), sign("b", place=1)])
    }
    assert news(files, files) == []


def test_a_sign_in_a_changed_region_is_news_unless_the_region_had_its_equal() -> None:
    base = {"pkg/a.py": code(region("", digest="1"), signs=[sign("run", shown="git status")])}
    same = {"pkg/a.py": code(region("", digest="2"), signs=[sign("run", shown="git  status")])}
    other = {"pkg/a.py": code(region("", digest="2"), signs=[sign("run", shown="curl x.example")])}
    assert news(same, base) == []
    assert news(other, base) == [("pkg/a.py", "run")]


def test_signs_are_counted() -> None:
    base = {"pkg/a.py": code(region("", digest="1"), signs=[sign("run", shown="git")])}
    run, again = sign("run", shown="git"), sign("run", shown="git", line=9)
    twice = {"pkg/a.py": code(region("", digest="2"), signs=[run, again])}
    assert news(twice, base) == [("pkg/a.py", "run")]


def test_numbers_of_versions_change_freely_but_addresses_do_not() -> None:
    assert key_of(sign(shown="get v1.2/x.tar.gz")) == key_of(sign(shown="get v1.13/x.tar.gz"))
    assert key_of(sign(shown="connect 192.0.2.1:80")) != key_of(sign(shown="connect 192.0.2.9:80"))
    long = "A1" * 200
    assert key_of(sign(shown=long)) != key_of(sign(shown=long.replace("1", "2")))


def test_an_unchanged_region_is_old_wherever_it_moved() -> None:
    base = {
        "pkg/a.py": code(
            region("", digest="m"), region("f", digest="d"), signs=[sign("run", place=1)]
        )
    }
    moved = {
        "pkg/a.py": code(region("", digest="m2")),
        "pkg/new/b.py": code(
            region("", digest="n"), region("g", digest="d"), signs=[sign("run", place=1)]
        ),
    }
    assert news(moved, base) == []


def test_a_constant_outside_of_an_unchanged_function_is_seen_in_what_its_sign_shows() -> None:
    def sends(where: str, module: str) -> dict[str, ContentFacts]:
        send = sign("send", place=1, shown=where)
        return {"pkg/a.py": code(region("", digest=module), region("f", digest="f"), signs=[send])}

    assert news(sends("https://b.example/", "2"), sends("https://a.example/", "1")) == [
        ("pkg/a.py", "send")
    ]
    assert news(sends("https://a.example/", "2"), sends("https://a.example/", "1")) == []


def test_a_renamed_and_edited_file_keeps_its_signs() -> None:
    base = {
        "pkg/a.py": code(
            region("", digest="m"),
            region("f", digest="d"),
            region("h", digest="h"),
            signs=[sign("open", shown="x"), sign("run", place=1)],
        ),
    }
    renamed = {
        "pkg/sub/a.py": code(
            region("", digest="m2"),
            region("f", digest="d2"),
            region("h", digest="h"),
            signs=[sign("open", shown="x"), sign("run", place=1)],
        ),
    }
    assert news(renamed, base) == []


def test_what_stayed_does_not_pay_for_what_is_new() -> None:
    base = {"pkg/a.py": code(region("", digest="m"), signs=[sign("run", shown="x")])}
    both = {**base, "pkg/evil.py": code(region("", digest="e"), signs=[sign("run", shown="x")])}
    assert news(both, base) == [("pkg/evil.py", "run")]


def test_a_dormant_function_called_one_release_later_is_news() -> None:
    dormant = code(
        region("", digest="m"), region("steal", digest="s"), signs=[sign("theft", place=1)]
    )
    base = {"pkg/__init__.py": code(region("", digest="i")), "pkg/a.py": dormant}
    woken = {
        "pkg/__init__.py": code(region("", "pkg.a.steal", digest="j"), needs=["pkg.a"]),
        "pkg/a.py": dormant,
    }
    assert news(base, base) == []
    assert news(woken, base) == [("pkg/a.py", "theft")]


def test_code_that_moves_to_where_it_runs_earlier_is_news() -> None:
    base = {
        "pkg/__init__.py": code(),
        "pkg/tests/t.py": code(region("", digest="s"), signs=[sign("theft")]),
    }
    risen = {"pkg/__init__.py": code(region("", digest="s"), signs=[sign("theft")])}
    assert news(risen, base) == [("pkg/__init__.py", "theft")]


def test_a_lost_sign_does_not_excuse_one_that_runs_earlier() -> None:
    theft = sign("theft", shown="x")
    base = {
        "pkg/__init__.py": code(),
        "pkg/tests/t.py": code(region("", digest="1"), signs=[theft]),
    }
    risen = {"pkg/__init__.py": code(region("", digest="2"), signs=[theft])}
    assert news(risen, base) == [("pkg/__init__.py", "theft")]


def test_contents_without_regions_compare_by_key() -> None:
    data = code(language=Language.DATA)
    base = {
        "pkg/x.sh": ContentFacts(language=Language.SHELL, size=5, signs=(sign("fetch", shown="a"),))
    }
    same = {
        "pkg/x.sh": ContentFacts(language=Language.SHELL, size=6, signs=(sign("fetch", shown="a"),))
    }
    other = {
        "pkg/x.sh": ContentFacts(language=Language.SHELL, size=6, signs=(sign("fetch", shown="b"),))
    }
    assert news({**same, "pkg/d": data}, base) == []
    assert news(other, base) == [("pkg/x.sh", "fetch")]


def test_the_folder_of_an_sdist_names_its_version_and_is_no_news() -> None:
    def of(version: str, digest: str) -> dict[str, ContentFacts]:
        top = f"pkg-{version}/"
        changed = code(region("", digest=digest), signs=[sign("run", shown="x")])
        return {top + "pkg/a.py": changed, top + "PKG-INFO": code()}

    files, base = of("1.1", "2"), of("1.0", "1")
    assert news(files, base, kind="sdist", old="pkg-1.0.tar.gz", new="pkg-1.1.tar.gz") == []


def test_capabilities_are_told_with_their_highest_reach() -> None:
    view = view_of(
        {
            "pkg/__init__.py": code(
                region(""),
                region("f"),
                uses=[(Capability.NETWORK, 1), (Capability.FILESYSTEM, 0)],
            ),
            "pkg/tests/t.py": code(region(""), uses=[(Capability.PROCESS, 0)]),
        }
    )
    assert [(held.capability, held.reach) for held in capabilities(view)] == [
        (Capability.FILESYSTEM, Reach.IMPORT),
        (Capability.NETWORK, Reach.CALLED),
    ]


def test_gained_lost_and_earlier_capabilities() -> None:
    def using(*uses: tuple[Capability, int]) -> ReleaseView:
        return view_of({"pkg/__init__.py": code(region(""), region("f"), uses=uses)})

    base = using((Capability.NETWORK, 1), (Capability.PROCESS, 0))
    view = using((Capability.NETWORK, 0), (Capability.NATIVE, 1))
    changes = {(c.capability, c.gained, c.reach) for c in new_capabilities(view, base)}
    assert changes == {
        (Capability.NETWORK, True, "import"),
        (Capability.NATIVE, True, "called"),
        (Capability.PROCESS, False, "import"),
    }
    assert new_capabilities(base, base) == ()


PATHS = ["pkg/__init__.py", "pkg/a.py", "pkg/b.py", "hook.pth", "pkg/tests/t.py"]
SIGNS = st.lists(
    st.builds(
        lambda trait, place, shown: sign(trait, place=place, shown=shown),
        st.sampled_from("ab"),
        st.integers(0, 1),
        st.sampled_from(["", "x", "y"]),
    ),
    max_size=3,
)


CALLS = st.lists(st.sampled_from([".f", "pkg.a.f"]), max_size=1)


@st.composite
def releases(draw: st.DrawFn) -> dict[str, ContentFacts]:
    paths = draw(st.lists(st.sampled_from(PATHS), unique=True, min_size=1))
    return {
        path: code(
            region("", *draw(CALLS), digest=draw(st.sampled_from("123"))),
            region("f", digest=draw(st.sampled_from("456"))),
            needs=draw(st.lists(st.sampled_from(["pkg.a", "pkg.b"]), max_size=1)),
            signs=draw(SIGNS),
        )
        for path in paths
    }


@pytest.mark.slow
@given(releases())
def test_no_release_is_news_to_itself(files: dict[str, ContentFacts]) -> None:
    assert news(files, files) == []


@pytest.mark.slow
@given(releases(), releases(), st.randoms(use_true_random=False))
def test_order_changes_nothing(
    files: dict[str, ContentFacts], base: dict[str, ContentFacts], chance: random.Random
) -> None:
    shuffled = list(files.items())
    chance.shuffle(shuffled)
    assert sorted(news(files, base)) == sorted(news(dict(shuffled), base))


@pytest.mark.slow
@given(releases(), releases(), st.sampled_from(["pkg/zz.py", "zz/__init__.py", "data/z"]))
def test_adding_a_file_silences_nothing(
    files: dict[str, ContentFacts], base: dict[str, ContentFacts], path: str
) -> None:
    padded = {**files, path: code(region("", digest="pad"))}
    before, after = news(files, base), news(padded, base)
    assert all(after.count(item) >= before.count(item) for item in before)


def test_old_data_that_earlier_code_may_load_is_no_news() -> None:
    data = ContentFacts(language=Language.JAVASCRIPT, size=9, signs=(sign("old"),))
    idle = code(region(""), region("show", "subprocess.run"))
    base = {"pkg/__init__.py": idle, "pkg/page.js": data}
    hook = code(region("", "subprocess.run"), signs=[sign("fresh")])
    assert news({**base, "sitecustomize.py": hook}, base) == [("sitecustomize.py", "fresh")]
