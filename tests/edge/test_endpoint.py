from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pypi_simple
import pytest

from pratique.edge import endpoint
from pratique.errors import SettingsError


def test_it_is_what_the_library_says() -> None:
    assert endpoint.public_index_url() == pypi_simple.PYPI_SIMPLE_ENDPOINT


def test_workers_do_not_pay_for_the_library() -> None:
    script = (
        "import sys; import pratique.edge.upstream as u; "
        "from pratique.settings import UpstreamSettings; "
        "u.SimpleUpstream(UpstreamSettings(name='public')); "
        "print(sorted({'pypi_simple', 'bs4', 'requests', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_library_that_no_longer_says_it_is_a_clear_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setattr(
        endpoint, "find_spec", lambda name: SimpleNamespace(origin=endpoint.__file__)
    )
    with pytest.raises(SettingsError, match="public index"):
        endpoint.public_index_url.__wrapped__()
