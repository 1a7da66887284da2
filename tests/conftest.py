"""What all tests share; each line names a plugin below tests/kit/."""

import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

pytest_plugins = ["kit.postgres", "kit.specimens"]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first, in the random order that they have: a long one at the end keeps one worker
    busy while the other has nothing left to take over."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    if item.get_closest_marker("slow") is None:
        return 2
    return 1 if item.get_closest_marker("network") is None else 0


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are no names: archives made at import hold the time, and each worker made its own."""
    return argname if isinstance(val, bytes) else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything is demanded, a skip is a failure: nothing that did not run looks green."""
    report = yield
    demanded = os.environ.get("PRATIQUE_TEST_REQUIRE_ALL") == "1"
    if demanded and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and PRATIQUE_TEST_REQUIRE_ALL=1: {report.longrepr}"
    return report
