"""Coverage-guided fuzzing of the page parsers and renderers, run by hand.

python -m pip install atheris
python tests/fuzz/fuzz_index_pages.py -max_total_time=600 FOLDER_OF_PAGES

The same laws as tests/index hold: no error but IndexPageError, and nothing offered that the
standards forbid. Atheris is not a requirement of this project; the property tests cover the rest.
"""

import json
import sys
from urllib.parse import unquote, urlsplit

import atheris

with atheris.instrument_imports(include=["pratique"]):
    from pratique.index.cook import Metadata, Offer, render_html, render_json
    from pratique.index.errors import IndexPageError
    from pratique.index.parse_html import parse_html_page
    from pratique.index.parse_json import parse_json_page
    from pratique.policy.model import Decision, Outcome
    from pratique.values.names import ProjectName, is_safe_filename

URL = "https://index.example/simple/demo/"
DEMO = ProjectName("demo")
HOLD = Decision(outcome=Outcome.HOLD, rule="cool-down", reason="too new")
ALLOW = Decision(outcome=Outcome.ALLOW, rule="default")


def check(data: bytes) -> None:
    parse = parse_html_page if data[:1] == b"<" else parse_json_page
    try:
        page = parse(data, url=URL, project=DEMO)
    except IndexPageError:
        return
    for file in page.files:
        parts = urlsplit(file.url)
        assert parts.scheme in {"http", "https"}
        assert parts.hostname
        assert is_safe_filename(file.filename)
        assert unquote(parts.path).endswith("/" + file.filename)
        assert file.sha256 is None or len(bytes.fromhex(file.sha256)) == 32
    offers = [
        Offer(file=file, decision=(HOLD, ALLOW)[i % 2], metadata=Metadata.UPSTREAM)
        for i, file in enumerate(page.files)
    ]
    told = json.loads(render_json(page, offers))
    assert [f["filename"] for f in told["files"]] == [f.filename for f in page.files]
    assert all(f["url"].startswith("../../packages/") for f in told["files"])
    render_html(page, offers)


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
