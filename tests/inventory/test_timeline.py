"""Which version was in force when: against histories made at random, thought through one by one."""

from __future__ import annotations

from dataclasses import dataclass

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

from pratique.inventory.listings.timeline import (
    GONE,
    Change,
    Commit,
    Held,
    Timeline,
    Tip,
    believed,
)

NOW = 1_000
PATHS = ("uv.lock", "web/yarn.lock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A history: each commit's tree, and branches."""

    commits: dict[str, Commit]
    trees: dict[str, dict[str, str]]
    tips: list[Tip]

    def changes(self) -> dict[str, list[Change]]:
        found: dict[str, list[Change]] = {}
        for name, commit in self.commits.items():
            before = self.trees[commit.parents[0]] if commit.parents else {}
            after = self.trees[name]
            changed = [
                Change(path, after.get(path, GONE))
                for path in PATHS
                if before.get(path) != after.get(path)
            ]
            if changed:
                found[name] = changed
        return found

    def timeline(self) -> Timeline:
        newest_first = dict(reversed(self.commits.items()))
        return Timeline(newest_first, self.changes(), self.tips, now=NOW)

    def held(self) -> list[Held]:
        return self.timeline().held()


@st.composite
def stories(draw: st.DrawFn) -> Story:
    commits: dict[str, Commit] = {}
    trees: dict[str, dict[str, str]] = {}
    names: list[str] = []
    for number in range(draw(st.integers(1, 12))):
        name = f"{number:040x}"
        parents = []
        if names and draw(st.integers(0, 9)):
            parents = [draw(st.sampled_from(names[-4:]))]
            if draw(st.integers(0, 3)) == 0:
                parents += [p for p in [draw(st.sampled_from(names))] if p not in parents]
        tree = dict(trees[parents[0]]) if parents else {}
        for path in PATHS:
            what = draw(st.sampled_from(["same", "same", "new", "theirs", "gone"]))
            if what == "new":
                tree[path] = draw(st.sampled_from("abc"))
            elif what == "theirs" and len(parents) > 1 and path in trees[parents[1]]:
                tree[path] = trees[parents[1]][path]
            elif what == "gone":
                tree.pop(path, None)
        commits[name], trees[name] = Commit(number * 10, tuple(parents)), tree
        names.append(name)
    has_child = {parent for one in commits.values() for parent in one.parents}
    tips = [name for name in names if name not in has_child]
    tips += draw(st.lists(st.sampled_from(names), max_size=3))
    shuffled = draw(st.permutations(tips))
    return Story(
        commits=commits, trees=trees, tips=[Tip(f"b{n}", one) for n, one in enumerate(shuffled)]
    )


def covers(held: list[Held], path: str, blob: str, start: int, end: int | None) -> bool:
    return any(
        one.path == path
        and one.blob == blob
        and one.start <= start
        and (one.end is None or (end is not None and end <= one.end))
        for one in held
    )


@pytest.mark.slow
@given(stories())
@settings(max_examples=150, deadline=None)
def test_every_version_of_every_branch_is_told_for_as_long_as_it_was_there(story: Story) -> None:
    held = story.held()
    for tip in story.tips:
        until: int | None = None
        at = tip.commit
        while True:
            commit = story.commits[at]
            for path, blob in story.trees[at].items():
                assert covers(held, path, blob, commit.seconds, until), (tip, at, path)
            if not commit.parents:
                break
            until, at = commit.seconds, commit.parents[0]


@given(stories())
@settings(max_examples=120, deadline=None)
def test_what_a_merge_brought_in_is_told_too(story: Story) -> None:
    """Branches are deleted after their merge; what they held meanwhile was installed all the same."""
    held = story.held()
    for at, commit in story.commits.items():
        for path, blob in story.trees[at].items():
            assert covers(held, path, blob, commit.seconds, commit.seconds), (at, path)


@given(stories())
@settings(max_examples=120, deadline=None)
def test_nothing_is_told_that_no_commit_says(story: Story) -> None:
    held = story.held()
    for one in held:
        assert story.trees[one.by][one.path] == one.blob
        assert one.start == story.commits[one.by].seconds
        assert one.skewed == ()
        if one.end is None:
            assert any(tip.name == one.line for tip in story.tips)
        else:
            assert one.end == story.commits[one.until].seconds
            assert one.start <= one.end
    assert len(set(held)) == len(held)


@pytest.mark.slow
@given(stories())
@settings(max_examples=100, deadline=None)
def test_no_interval_is_told_that_an_earlier_line_covers(story: Story) -> None:
    told: list[Held] = []
    for one in story.held():
        assert not covers(told, one.path, one.blob, one.start, one.end)
        told.append(one)


def test_a_branch_that_keeps_an_old_version_is_told_until_now() -> None:
    """`main` moved on after an hour; the release branch still has what was there."""
    commits = {
        "m2": Commit(20, ("m1",)),
        "m1": Commit(10, ()),
    }
    changes = {"m1": [Change("uv.lock", "bad")], "m2": [Change("uv.lock", "good")]}
    tips = [Tip("main", "m2"), Tip("release", "m1")]
    held = Timeline(commits, changes, tips, now=NOW).held()
    assert [(one.line, one.blob, one.start, one.end) for one in held] == [
        ("main", "bad", 10, 20),
        ("main", "good", 20, None),
        ("release", "bad", 10, None),
    ]


def test_a_deleted_branch_is_told_until_its_merge() -> None:
    """The usual bot: a branch brings 1.82.8, its checks run, it is repaired, merged and deleted."""
    commits = {
        "m2": Commit(50, ("m1", "f2")),
        "f2": Commit(40, ("f1",)),
        "f1": Commit(20, ("m1",)),
        "m1": Commit(10, ()),
    }
    changes = {
        "m1": [Change("uv.lock", "old")],
        "f1": [Change("uv.lock", "bad")],
        "f2": [Change("uv.lock", "good")],
        "m2": [Change("uv.lock", "good")],
    }
    held = Timeline(commits, changes, [Tip("main", "m2")], now=NOW).held()
    assert [(one.line, one.blob, one.start, one.end) for one in held] == [
        ("main", "old", 10, 50),
        ("main", "good", 50, None),
        ("merged/m2", "bad", 20, 40),
        ("merged/m2", "good", 40, 50),
    ]


# ── dates ───────────────────────────────────────────────────────────────────────────────────


@given(st.lists(st.integers(-5, 120), min_size=1, max_size=12), st.integers(0, 30))
@settings(max_examples=150, deadline=None)
def test_dates_that_are_told_never_fall(seconds: list[int], floor: int) -> None:
    starts, ends, odd = believed(seconds, floor=floor, ceiling=100)
    assert starts == sorted(starts)
    assert ends == sorted(ends)
    assert all(one <= other for one, other in zip(starts, ends, strict=True))
    assert all(floor <= one and other <= 100 for one, other in zip(starts, ends, strict=True))
    for at, one in enumerate(seconds):
        if at not in odd:
            assert starts[at] == ends[at] == one


@given(
    st.lists(st.integers(0, 100), min_size=2, max_size=12).map(sorted),
    st.data(),
    st.sampled_from([0, -1, 5, 50, 99, 10**12]),
)
@example([10, 20, 30], None, 0)
@settings(max_examples=100, deadline=None)
def test_one_wrong_clock_spoils_one_date(
    seconds: list[int], data: st.DataObject | None, wrong: int
) -> None:
    at = data.draw(st.integers(0, len(seconds) - 1)) if data else 1
    told = [*seconds[:at], wrong, *seconds[at + 1 :]]
    starts, ends, odd = believed(told, floor=0, ceiling=100)
    assert len(odd) <= 1
    if at in odd and at:  # of a first commit nobody can say how early it was
        assert starts[at] <= seconds[at] <= ends[at]
    for number in set(range(len(seconds))) - odd - {at}:
        assert starts[number] == ends[number] == seconds[number]


def test_a_commit_dated_before_its_parent_gets_the_widest_interval() -> None:
    commits = {
        "c": Commit(300, ("b",)),
        "b": Commit(5, ("a",)),
        "a": Commit(100, ()),
    }
    changes = {name: [Change("uv.lock", name)] for name in "abc"}
    held = {one.blob: one for one in Timeline(commits, changes, [Tip("m", "c")], now=NOW).held()}
    assert (held["a"].start, held["a"].end, held["a"].skewed) == (100, 300, ("b",))
    assert (held["b"].start, held["b"].end, held["b"].skewed) == (100, 300, ("b",))
    assert (held["c"].start, held["c"].end, held["c"].skewed) == (300, None, ())
