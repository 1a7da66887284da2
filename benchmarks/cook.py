"""What the page of a project with 3,204 files costs: parse, render, gzip, view. CPU milliseconds.

Run: python benchmarks/cook.py [files]. The peer does the same with the standard library's json and
gzip at its usual level 6. Deciding is not part of it.
"""

import gc
import gzip
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from msgspec.structs import replace

from kit.index_pages import huge_page_body
from pratique.index.cook import Metadata, Offer, compress, render_html, render_json
from pratique.index.model import ProjectPage
from pratique.index.parse_json import parse_json_page
from pratique.index.view import view_changes, view_id, view_rows
from pratique.policy.model import Decision, FileFacts, Outcome
from pratique.values.names import ProjectName

_LITELLM = ProjectName("litellm")
_URL = "https://index.example/simple/litellm/"
_ALLOW = Decision(outcome=Outcome.ALLOW, rule="default")
_HOLD = Decision(outcome=Outcome.HOLD, rule="cool-down", reason="in cool-down until later")
_ROUNDS = 15
_NEWEST_HELD = 12


def cpu_ms(work: Callable[[], Any]) -> tuple[float, float]:
    """Least and median CPU time of a few rounds."""
    taken = []
    for _ in range(_ROUNDS):
        before = time.process_time()
        work()
        taken.append((time.process_time() - before) * 1000)
    return min(taken), statistics.median(taken)


def offers_of(page: ProjectPage) -> list[Offer]:
    last = len(page.files) - _NEWEST_HELD
    return [
        Offer(
            file=file,
            decision=_HOLD if i >= last else _ALLOW,
            block_url="https://firewall.example/b/0123ABCD" if i >= last else "",
            metadata=Metadata.UPSTREAM if file.core_metadata else Metadata.NONE,
            metadata_sha256=file.core_metadata_sha256,
        )
        for i, file in enumerate(page.files)
    ]


def anew(offers: list[Offer]) -> list[Offer]:
    """The same offers of files that were never rendered (costs about 1 ms itself)."""
    return [replace(offer, file=replace(offer.file)) for offer in offers]


def naive(body: bytes) -> bytes:
    page = json.loads(body)
    held = len(page["files"]) - _NEWEST_HELD
    for i, file in enumerate(page["files"]):
        file["url"] = "../../packages/" + file["url"].split("/packages/")[1]
        if i >= held:
            file["yanked"] = "in cool-down until later https://firewall.example/b/0123ABCD"
    return json.dumps(page, separators=(",", ":")).encode()


def main() -> None:
    body = huge_page_body(int(sys.argv[1]) if len(sys.argv) > 1 else 3204)
    page = parse_json_page(body, url=_URL, project=_LITELLM)
    offers = offers_of(page)
    # Not part of the cost of a page, but of this script's: everything above stays out of collections.
    gc.freeze()
    rendered = render_json(page, offers)
    decided = [
        (o.file, FileFacts(filename=o.file.filename, project=_LITELLM), o.decision) for o in offers
    ]
    rows = view_rows("pypi", _LITELLM, decided)
    steps: dict[str, Callable[[], Any]] = {
        "parse": lambda: parse_json_page(body, url=_URL, project=_LITELLM),
        "render JSON, first": lambda: render_json(page, anew(offers)),
        "render JSON, again": lambda: render_json(page, offers),
        "render HTML": lambda: render_html(page, offers),
        "gzip (isal 1)": lambda: compress(rendered),
        "view: rows": lambda: view_rows("pypi", _LITELLM, decided),
        "view: id": lambda: view_id(rows),
        "view: first change": lambda: view_changes(None, rows),
        "view: no change": lambda: view_changes(rows, rows),
        "peer: json round trip": lambda: naive(body),
        "peer: gzip -6": lambda: gzip.compress(rendered, 6, mtime=0),
    }
    print(f"{len(page.files)} files, {len(body) / 1e6:.2f} MB of JSON; CPU ms (least, median)")
    results = {name: cpu_ms(work) for name, work in steps.items()}
    for name, (least, median) in results.items():
        print(f"  {name:<24}{least:8.2f}{median:8.2f}")
    ours = sum(results[n][1] for n in ("parse", "render JSON, first", "gzip (isal 1)"))
    theirs = sum(results[n][1] for n in ("peer: json round trip", "peer: gzip -6"))
    print(f"  sizes: gzip here {len(compress(rendered))}, peer {len(gzip.compress(rendered, 6))}")
    print(
        f"  page from upstream's bytes: {ours:.1f} ms, peer {theirs:.1f} ms, {theirs / ours:.1f}×"
    )


if __name__ == "__main__":
    main()
