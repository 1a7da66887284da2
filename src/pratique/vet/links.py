"""Links inside a tar: what lies, once unpacked, at the path of a link too.

Pure: paths in, paths out. A link is followed within the archive only; one that leaves it, ends nowhere
or goes round in a circle is followed nowhere, and stays `unread` where its name is one of code.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from msgspec.structs import replace

from pratique.vet.archives.model import Member, MemberKind
from pratique.vet.model import FileEntry

LINK_AS_CODE = "link-as-code"
"""The problem that reading tells of a link named like code."""
_HOPS = 40
"""Links on the way to one file; where Linux ends too (ELOOP)."""
_LINKS = 2_000
"""Links that are followed; the largest honest sdists have some hundred."""
_STEPS = 200_000
"""Parts of paths that are looked at, over all links: a tenth of a second."""
_REPEATED = 5_000
"""Files that lie below a linked folder once more."""
_ROUNDS = 4
"""Linked folders that hold links that lead to linked folders …"""


class Links:
    """The symbolic and hard links of one archive."""

    def __init__(self) -> None:
        self._targets: dict[str, tuple[bool, str]] = {}
        """Path of a link → whether its target is told from the top, and the target."""
        self._steps = _STEPS
        self.cut = False
        """Whether there were more links, or files below them, than are followed."""
        self.followed: set[str] = set()
        """Paths of links whose target is read under the link's name as well."""

    def take(self, member: Member) -> None:
        """Note a link; not those of archives inside, which nothing unpacks by itself."""
        if member.depth or member.path in {"", "."}:
            return
        if member.kind not in {MemberKind.SYMLINK, MemberKind.HARDLINK}:
            return
        if len(self._targets) >= _LINKS:
            self.cut = True
        else:
            hard = member.kind is MemberKind.HARDLINK
            self._targets[member.path] = (hard, member.target)

    def follow(
        self, entries: Mapping[str, FileEntry], alike: Callable[[str, FileEntry], bool]
    ) -> dict[str, FileEntry]:
        """What links repeat, under its other names.

        Shape: `alike` says whether a file is read at that path as it is read at its own; what is not
        stays unread.
        """
        found: dict[str, FileEntry] = {}
        known = dict(entries)
        for _ in range(_ROUNDS):
            fresh: dict[str, FileEntry] = {}
            for path, target in self.repeated(known):
                if path not in known and alike(path, known[target]):
                    fresh[path] = replace(known[target], path=path)
            if not fresh:
                break
            known.update(fresh)
            found.update(fresh)
        else:
            self.cut = True
        self.followed.update(found)
        return found

    def repeated(self, files: Collection[str]) -> Iterator[tuple[str, str]]:
        """Paths that exist through links, with the path of the file that lies there."""
        ordered = sorted(files) if self._targets else []
        left = _REPEATED
        for link in sorted(self._targets):
            target = self._end_of(link)
            if target in files:
                yield link, target
            elif target:
                for path in _below(ordered, target):
                    self._steps -= 1
                    left -= link + path[len(target) :] not in files
                    if left < 0 or self._steps < 0:
                        self.cut = True
                        return
                    yield link + path[len(target) :], path

    def _end_of(self, link: str) -> str:
        """Where a path leads when every link on the way is followed; "" when that is nowhere."""
        done: list[str] = []
        coming = link.split("/")[::-1]
        hops = 0
        while coming:
            self._steps -= 1
            part = coming.pop()
            if part in {"", "."}:
                continue
            if part == "..":
                if not done:
                    return ""
                done.pop()
                continue
            done.append(part)
            met = self._targets.get("/".join(done))
            if met is None:
                continue
            hops += 1
            from_top, target = met
            self.cut = self.cut or self._steps < 0
            if hops > _HOPS or self._steps < 0 or target.startswith(("/", "\\")):
                return ""
            done = [] if from_top else done[:-1]
            coming += target.split("/")[::-1]
        return "/".join(done)


def _below(ordered: Sequence[str], folder: str) -> Iterator[str]:
    for at in range(bisect_left(ordered, folder + "/"), len(ordered)):
        if not ordered[at].startswith(folder + "/"):
            return
        yield ordered[at]
