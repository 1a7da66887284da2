"""Where the members of one archive are put: names checked, duplicates noticed, values made."""

from __future__ import annotations

from pratique.vet.archives import zip_records as z
from pratique.vet.archives.intake import Content, Desk, OpenNested
from pratique.vet.archives.model import Member, MemberInfo, MemberKind, View
from pratique.vet.archives.names import Name, collision_key, printable, read_name
from pratique.vet.archives.stream import Steps

SPECIAL_MODE = 0o6000
"""Set-user-id and set-group-id."""


class Shelf:
    """The members of one archive, and the way from it to what all readers of the file share."""

    def __init__(self, desk: Desk, *, prefix: str, depth: int, open_nested: OpenNested) -> None:
        self._desk = desk
        self._prefix = prefix
        self.depth = depth
        self._open_nested = open_nested
        self.limits = desk.limits
        self.budget = desk.budget
        self.members = desk.members
        self.places: list[int] = []
        """Of this archive's own members in the list of all, in order."""
        self.by_path: dict[str, MemberInfo] = {}
        """The last one of each path, without the prefix."""
        self._collisions: dict[str, str] = {}

    def problem(self, code: str, path: str = "", *, detail: object = "", offset: int = 0) -> None:
        """Report a problem with a member of this archive (or with itself, without a path)."""
        whole = self._prefix + path if path else self._prefix.removesuffix("!")
        self._desk.problems.add(code, path=whole, detail=detail, offset=offset, depth=self.depth)

    def announce(self, text: str, *, offset: int) -> Name:
        """Count one more member and check its name."""
        name = read_name(text, self.limits)
        self.budget.member(self._prefix + name.path)
        for code, detail in name.codes:
            self.problem(code, name.path, detail=detail, offset=offset)
        return name

    def announce_zip(self, header: z.LocalHeader) -> str:
        """The same for an entry of a zip; its printable path."""
        name = self.announce(z.decode_name(header.name, header.flags), offset=header.offset)
        if header.defect:
            self.problem("zip-extra", name.path, detail=header.defect, offset=header.offset)
        if not header.name.isascii() and not header.flags & z.UTF8:
            self.problem("zip-name-encoding", name.path, offset=header.offset)
        if header.second_name and header.second_name != header.name:
            second = printable(header.second_name.decode("utf-8", "surrogateescape"))
            self.problem("zip-unicode-path", name.path, detail=second, offset=header.offset)
        return name.path

    def open_content(self, path: str) -> Content:
        """Somewhere to put a member's content."""
        return Content(self._desk, self._prefix + path, self._open_nested)

    def shelve_zip(
        self, header: z.LocalHeader, content: Content, path: str, view: View, mode: int = 0
    ) -> Steps[None]:
        """Yield an entry of a zip whose content has been taken."""
        folder = header.name.partition(b"\0")[0].endswith(b"/")
        if folder and content.size:
            self.problem("folder-with-content", path, offset=header.offset)
        yield from self.shelve(
            content,
            path=path,
            raw_name=header.name,
            kind=MemberKind.DIRECTORY if folder else MemberKind.FILE,
            mode=mode,
            offset=header.offset,
            view=view,
        )

    def shelve(
        self,
        content: Content,
        *,
        path: str,
        raw_name: bytes,
        kind: MemberKind,
        offset: int,
        mode: int = 0,
        target: str = "",
        view: View = View.BOTH,
    ) -> Steps[None]:
        """Yield a member whose content has been taken, after what is nested in it."""
        yield from content.done()
        size, sha256 = content.size, content.sha256
        linked = self.by_path.get(target) if kind is MemberKind.HARDLINK else None
        if linked is not None:
            size, sha256 = linked.size, linked.sha256
        info = MemberInfo(
            path=self._prefix + path,
            raw_name=None if raw_name == path.encode() else raw_name,
            kind=kind, target=target, size=size, sha256=sha256, mode=mode, offset=offset,
            depth=self.depth, view=view,
        )  # fmt: skip
        self._note_duplicate(path, info)
        self.places.append(len(self.members))
        self.members.append(info)
        data = None if linked is not None else content.data
        yield Member(
            path=info.path, raw_name=info.raw_name, kind=kind, target=target, size=size,
            sha256=sha256, mode=mode, offset=offset, depth=self.depth, view=view,
            data=data, head=content.head, tail=content.tail, complete=data is not None,
            scanner=content.scanner,
        )  # fmt: skip

    def _note_duplicate(self, path: str, info: MemberInfo) -> None:
        earlier = self.by_path.get(path)
        self.by_path[path] = info
        if earlier is not None:
            if info.view is View.BOTH and not (
                info.kind is earlier.kind is MemberKind.DIRECTORY and not info.size
            ):
                same = earlier.sha256 == info.sha256 and earlier.kind is info.kind
                code = "duplicate-same" if same else "duplicate-name"
                self.problem(code, path, offset=info.offset)
            return
        key = collision_key(path)
        other = self._collisions.setdefault(key, path)
        if other != path:
            self.problem("name-collision", path, detail=other, offset=info.offset)
