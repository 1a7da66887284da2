"""When each place of a release runs."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.release_facts import code, region, sign, view_of
from pratique.vet.model import Capability, ContentFacts, Language, Metadata, Reach
from pratique.vet.release.view import ReleaseView, placed_signs


def reach(view: ReleaseView, path: str, name: str = "") -> Reach:
    regions = view.facts(path).regions
    index = next((i for i, r in enumerate(regions) if r.name == name), 0)
    return view.placement.reach(path, index)


def test_import_follows_the_package_through_relative_and_absolute_imports() -> None:
    view = view_of(
        {
            "pkg/__init__.py": code(needs=[".a:thing", "pkg.b"]),
            "pkg/a.py": code(needs=[".:c"]),
            "pkg/b/__init__.py": code(),
            "pkg/c.py": code(),
            "pkg/b/deep.py": code(needs=["..d:x"]),
            "pkg/d.py": code(),
        }
    )
    for path in ("pkg/__init__.py", "pkg/a.py", "pkg/b/__init__.py", "pkg/c.py"):
        assert reach(view, path) is Reach.IMPORT
    assert reach(view, "pkg/b/deep.py") is Reach.SUBMODULE
    assert reach(view, "pkg/d.py") is Reach.SUBMODULE
    assert view.placement.how("pkg/c.py") == "imported by pkg/a.py:1"


def test_importing_a_deep_module_runs_the_packages_above_it() -> None:
    view = view_of(
        {
            "pkg/__init__.py": code(needs=["pkg.x.y.z"]),
            "pkg/x/__init__.py": code(),
            "pkg/x/y/__init__.py": code(),
            "pkg/x/y/z.py": code(),
        }
    )
    assert reach(view, "pkg/x/y/__init__.py") is Reach.IMPORT


def test_an_import_inside_a_function_counts_only_when_the_function_runs() -> None:
    files = {
        "pkg/__init__.py": code(region("", ".go"), region("go"), needs=["pkg.late@1"]),
        "pkg/late.py": code(),
    }
    assert reach(view_of(files), "pkg/late.py") is Reach.IMPORT
    files["pkg/__init__.py"] = code(region(""), region("go"), needs=["pkg.late@1"])
    assert reach(view_of(files), "pkg/late.py") is Reach.SUBMODULE


@pytest.mark.parametrize(
    ("call", "needs"),
    [
        ("pkg.work.steal", []),
        (".work.steal", [".:work"]),
        ("work.steal", [".:work"]),
        (".steal", [".work:steal"]),
        ("steal", [".work:steal"]),
        ("pkg.api.steal", [".api:steal"]),
        (".api.steal", [".:api"]),
        ("..work.steal", [".work:steal"]),
        ("..work.steal", [".:work"]),
    ],
)
def test_calls_reach_functions_of_other_modules_however_they_are_named(
    call: str, needs: list[str]
) -> None:
    view = view_of(
        {
            "pkg/__init__.py": code(region("", call), needs=needs),
            "pkg/api.py": code(needs=[".work:steal"]),
            "pkg/work.py": code(
                region(), region("steal", ".deeper"), region("deeper"), region("idle")
            ),
        }
    )
    assert reach(view, "pkg/work.py", "steal") is Reach.IMPORT
    assert reach(view, "pkg/work.py", "deeper") is Reach.IMPORT
    assert reach(view, "pkg/work.py", "idle") is Reach.CALLED


@pytest.mark.parametrize(
    "call", [".Worker", ".Worker.__init__", ".Worker().go", ".Worker.go", "worker.go"]
)
def test_methods_of_what_is_made_at_import_are_reached(call: str) -> None:
    view = view_of(
        {
            "pkg/__init__.py": code(
                region("", call),
                region("Worker.__init__", "self.go"),
                region("Worker.go", "self.inner"),
                region("Worker.inner"),
                region("Other.idle"),
            )
        }
    )
    assert reach(view, "pkg/__init__.py", "Worker.inner") is Reach.IMPORT
    assert reach(view, "pkg/__init__.py", "Other.idle") is Reach.CALLED


def test_a_thread_started_at_import_runs_the_class_that_defines_run() -> None:
    view = view_of({"pkg/__init__.py": code(region("", ".Worker().start"), region("Worker.run"))})
    assert reach(view, "pkg/__init__.py", "Worker.run") is Reach.IMPORT


def test_names_of_other_packages_reach_nothing() -> None:
    view = view_of(
        {
            "pkg/__init__.py": code(
                region("", "subprocess.run", "requests.Session().go"),
                region("Worker.run"),
                region("W.go"),
                needs=["subprocess", "requests"],
            ),
        }
    )
    assert reach(view, "pkg/__init__.py", "Worker.run") is Reach.CALLED
    assert reach(view, "pkg/__init__.py", "W.go") is Reach.CALLED


def test_pth_lines_start_modules_and_what_they_call() -> None:
    view = view_of(
        {
            "hook.pth": code(
                region("", "pkg.boot.start"), needs=["pkg.boot"], language=Language.PTH
            ),
            "pkg/__init__.py": code(),
            "pkg/boot.py": code(region(), region("start", ".go"), region("go"), region("idle")),
            "pkg/other.py": code(),
        }
    )
    assert reach(view, "hook.pth") is Reach.STARTUP
    assert reach(view, "pkg/__init__.py") is Reach.STARTUP
    assert reach(view, "pkg/boot.py", "go") is Reach.STARTUP
    assert reach(view, "pkg/boot.py", "idle") is Reach.CALLED
    assert reach(view, "pkg/other.py") is Reach.SUBMODULE


@pytest.mark.parametrize(
    "path",
    [
        "x.pth",
        "pkg-1.0.data/purelib/x.pth",
        "pkg-1.0.data/platlib/x.pth",
        "pkg-1.0.data/data/lib/python3.12/site-packages/x.pth",
        "x.start",
        "sitecustomize.py",
        "usercustomize/__init__.py",
        "pkg-1.0.data/purelib/sitecustomize.py",
        "sitecustomize.cpython-312-x86_64-linux-gnu.so",
    ],
)
def test_everything_the_interpreter_reads_at_its_start(path: str) -> None:
    assert reach(view_of({path: code(), "pkg/__init__.py": code()}), path) is Reach.STARTUP


@pytest.mark.parametrize(
    "path", ["pkg/x.pth", "pkg/sitecustomize.py", "pkg-1.0.data/data/share/x.pth"]
)
def test_elsewhere_it_reads_none(path: str) -> None:
    assert reach(view_of({path: code(), "pkg/__init__.py": code()}), path) < Reach.STARTUP


def sdist(**files: ContentFacts) -> dict[str, ContentFacts]:
    return {"pkg-1.0/" + path: facts for path, facts in files.items()}


def test_a_build_runs_setup_its_commands_and_what_they_call() -> None:
    files = {
        "pkg-1.0/PKG-INFO": code(language=Language.METADATA),
        "pkg-1.0/setup.py": code(
            region("", "setuptools.setup"),
            region("Install.run", ".fetch"),
            region("fetch", "helpers.deep"),
            region("idle"),
            region("__main__"),
            needs=["helpers", "src.pkg.version@1"],
        ),
        "pkg-1.0/helpers.py": code(region(), region("deep")),
        "pkg-1.0/src/pkg/__init__.py": code(needs=[".core"]),
        "pkg-1.0/src/pkg/version.py": code(),
        "pkg-1.0/src/pkg/core.py": code(),
        "pkg-1.0/src/pkg/far.py": code(),
        "pkg-1.0/conftest.py": code(),
    }
    view = view_of(files, kind="sdist")
    for name in ("", "Install.run", "fetch", "__main__"):
        assert reach(view, "pkg-1.0/setup.py", name) is Reach.BUILD
    assert reach(view, "pkg-1.0/helpers.py", "deep") is Reach.BUILD
    assert reach(view, "pkg-1.0/src/pkg/version.py") is Reach.BUILD
    assert reach(view, "pkg-1.0/src/pkg/far.py") is Reach.SUBMODULE
    assert reach(view, "pkg-1.0/conftest.py") is Reach.SUBMODULE
    del files["pkg-1.0/setup.py"]
    view = view_of(files, kind="sdist")
    assert reach(view, "pkg-1.0/src/pkg/core.py") is Reach.IMPORT


def test_files_that_setup_runs_by_path_are_built_with() -> None:
    view = view_of(
        {
            "pkg-1.0/setup.py": code(needs=["pkg/version.py"]),
            "pkg-1.0/pkg/__init__.py": code(),
            "pkg-1.0/pkg/version.py": code(),
        },
        kind="sdist",
    )
    assert reach(view, "pkg-1.0/pkg/version.py") is Reach.BUILD
    assert reach(view, "pkg-1.0/pkg/__init__.py") is Reach.IMPORT


def test_setup_that_executes_a_file_runs_the_version_module() -> None:
    view = view_of(
        {
            "pkg-1.0/setup.py": code(uses=[(Capability.DYNAMIC_CODE, 0)]),
            "pkg-1.0/pkg/__init__.py": code(),
            "pkg-1.0/pkg/_version.py": code(),
            "pkg-1.0/pkg/core.py": code(),
        },
        kind="sdist",
    )
    assert reach(view, "pkg-1.0/pkg/_version.py") is Reach.BUILD
    assert reach(view, "pkg-1.0/pkg/core.py") is Reach.SUBMODULE


def test_command_classes_of_another_module_are_built_with() -> None:
    view = view_of(
        {
            "pkg-1.0/setup.py": code(needs=["commands:Install"]),
            "pkg-1.0/commands.py": code(region(), region("Install.run", ".go"), region("go")),
        },
        kind="sdist",
    )
    assert reach(view, "pkg-1.0/commands.py", "go") is Reach.BUILD


def test_an_in_tree_backend_runs_at_build() -> None:
    view = view_of(
        {
            "pkg-1.0/_build/backend.py": code(
                region(),
                region("build_wheel", ".go"),
                region("go"),
                region("idle"),
                needs=["near"],
            ),
            "pkg-1.0/_build/near.py": code(),
            "pkg-1.0/pkg/__init__.py": code(),
        },
        kind="sdist",
        metadata=Metadata(build_backend="backend", backend_path=("_build",)),
    )
    assert reach(view, "pkg-1.0/_build/backend.py", "go") is Reach.BUILD
    assert reach(view, "pkg-1.0/_build/near.py") is Reach.BUILD
    assert reach(view, "pkg-1.0/_build/backend.py", "idle") is Reach.CALLED


def test_a_wheel_builds_nothing() -> None:
    view = view_of({"setup.py": code(), "pkg/__init__.py": code()})
    assert reach(view, "setup.py") < Reach.BUILD


def test_entry_points_and_main_guards() -> None:
    view = view_of(
        {
            "pkg/__init__.py": code(),
            "pkg/cli.py": code(region(), region("main", ".go"), region("go"), region("idle")),
            "pkg/__main__.py": code(),
            "pkg/tool.py": code(region(), region("__main__", ".work"), region("work")),
            "pkg-1.0.data/scripts/run-me": code(),
        },
        metadata=Metadata(name="pkg", entry_points=("console_scripts:pkg = pkg.cli:main",)),
    )
    assert reach(view, "pkg/cli.py", "go") is Reach.ENTRY
    assert reach(view, "pkg/cli.py") is Reach.SUBMODULE
    assert reach(view, "pkg/cli.py", "idle") is Reach.CALLED
    assert reach(view, "pkg/__main__.py") is Reach.ENTRY
    assert reach(view, "pkg/tool.py", "work") is Reach.ENTRY
    assert reach(view, "pkg-1.0.data/scripts/run-me") is Reach.ENTRY


def test_tests_and_examples_run_never_unless_something_imports_them() -> None:
    files = {
        "pkg/__init__.py": code(),
        "pkg/tests/__init__.py": code(),
        "pkg/tests/test_a.py": code(region(), region("test_a")),
        "tests/__init__.py": code(),
        "conftest.py": code(),
    }
    view = view_of(files)
    assert reach(view, "pkg/tests/test_a.py") is Reach.NEVER
    assert reach(view, "pkg/tests/test_a.py", "test_a") is Reach.NEVER
    assert reach(view, "tests/__init__.py") is Reach.SUBMODULE
    assert reach(view, "conftest.py") is Reach.SUBMODULE
    files["pkg/__init__.py"] = code(needs=["pkg.tests.test_a"])
    assert reach(view_of(files), "pkg/tests/test_a.py") is Reach.IMPORT
    files["pkg/__init__.py"] = code(region(), region("f"), needs=["pkg.tests.test_a@1"])
    assert reach(view_of(files), "pkg/tests/test_a.py") is Reach.CALLED


def test_data_is_as_reached_as_the_call_that_may_load_it() -> None:
    files = {
        "pkg/__init__.py": code(region("")),
        "pkg/blob.dat": code(language=Language.DATA),
        "pkg/run.sh": code(language=Language.SHELL),
        "pkg/lib.so.1": code(language=Language.NATIVE),
    }
    view = view_of(files)
    assert {reach(view, path) for path in files} == {Reach.IMPORT, Reach.NEVER}
    files["pkg/__init__.py"] = code(
        region("", "builtins.open", "subprocess.run"), region("f", "ctypes.CDLL")
    )
    view = view_of(files)
    assert reach(view, "pkg/blob.dat") is Reach.IMPORT
    assert reach(view, "pkg/run.sh") is Reach.IMPORT
    files["pkg/__init__.py"] = code(region(""), region("f", "ctypes.CDLL"))
    view = view_of(files)
    assert reach(view, "pkg/lib.so.1") is Reach.CALLED
    assert reach(view, "pkg/blob.dat") is Reach.NEVER


def test_native_modules_and_compiled_files_are_modules() -> None:
    view = view_of(
        {
            "pkg/__init__.py": code(needs=["._speed"]),
            "pkg/_speed.cpython-311-x86_64-linux-gnu.so": code(language=Language.NATIVE),
            "pkg/__pycache__/old.cpython-311.pyc": code(language=Language.PYC),
        }
    )
    assert reach(view, "pkg/_speed.cpython-311-x86_64-linux-gnu.so") is Reach.IMPORT
    assert reach(view, "pkg/__pycache__/old.cpython-311.pyc") is Reach.SUBMODULE


def test_namespace_packages_have_their_tops_below() -> None:
    view = view_of(
        {
            "google/cloud/thing/__init__.py": code(needs=["google.cloud.thing.core"]),
            "google/cloud/thing/core.py": code(),
            "google/cloud/thing/side.py": code(),
        }
    )
    assert reach(view, "google/cloud/thing/core.py") is Reach.IMPORT
    assert reach(view, "google/cloud/thing/side.py") is Reach.SUBMODULE


def test_loose_folders_of_an_sdist_are_not_the_package() -> None:
    view = view_of(
        {
            "pkg-1.0/PKG-INFO": code(language=Language.METADATA),
            "pkg-1.0/pkg.py": code(),
            "pkg-1.0/integration/check.py": code(),
            "pkg-1.0/tests/check.py": code(),
        },
        kind="sdist",
    )
    assert reach(view, "pkg-1.0/pkg.py") is Reach.IMPORT
    assert reach(view, "pkg-1.0/integration/check.py") is Reach.SUBMODULE
    assert reach(view, "pkg-1.0/tests/check.py") is Reach.NEVER


def test_what_lies_in_a_packed_archive_is_data() -> None:
    files = {"pkg/__init__.py": code(), "x.egg!y.pth": code(), "pkg/a.zip!a/__init__.py": code()}
    view = view_of(files)
    assert {reach(view, path) for path in files} == {Reach.IMPORT, Reach.NEVER}


def test_npm_install_scripts_run_at_build() -> None:
    view = view_of(
        {
            "package/package.json": code(language=Language.METADATA),
            "package/scripts/setup.js": code(language=Language.JAVASCRIPT, needs=["./helper"]),
            "package/scripts/helper.js": code(language=Language.JAVASCRIPT),
            "package/index.js": code(language=Language.JAVASCRIPT),
        },
        kind="npm",
        metadata=Metadata(name="pkg", scripts=("node scripts/setup.js",)),
    )
    assert reach(view, "package/scripts/setup.js") is Reach.BUILD
    assert reach(view, "package/scripts/helper.js") is Reach.BUILD
    assert reach(view, "package/index.js") is Reach.IMPORT


PATHS = [
    "pkg/__init__.py", "pkg/a.py", "pkg/b.py", "pkg/sub/__init__.py", "pkg/sub/c.py",
    "pkg/tests/t.py", "hook.pth", "other.py", "pkg/data.bin", "ns/mod.py",
]  # fmt: skip
NEEDS = [
    "pkg.a",
    ".b:go",
    "pkg.sub.c",
    "..a:go",
    "pkg.tests.t",
    "other",
    "json",
    "pkg.a@1",
    "other@1",
]
CALLS = [".go", "pkg.a.go", ".b.go", "other.go", "self.go", "x.go", "builtins.open", "os.system"]


@st.composite
def contents(draw: st.DrawFn) -> ContentFacts:
    return code(
        region("", *draw(st.lists(st.sampled_from(CALLS), max_size=3))),
        region("go", *draw(st.lists(st.sampled_from(CALLS), max_size=3))),
        needs=draw(st.lists(st.sampled_from(NEEDS), max_size=3)),
        signs=[sign("module"), sign("function", place=1)],
    )


RELEASES = st.dictionaries(st.sampled_from(PATHS), contents(), min_size=1)


@pytest.mark.slow
@given(RELEASES, st.randoms(use_true_random=False))
def test_the_order_of_members_changes_nothing(
    files: dict[str, ContentFacts], chance: random.Random
) -> None:
    shuffled = list(files.items())
    chance.shuffle(shuffled)
    assert placed_signs(view_of(files)) == placed_signs(view_of(dict(shuffled)))


@pytest.mark.slow
@given(
    RELEASES,
    st.sampled_from(
        [
            "pkg/zz.py",
            "zz/__init__.py",
            "ns/zz.py",
            "ns/deep/__init__.py",
            "docs/z.txt",
            "pkg/tests/zz.py",
        ]
    ),
    contents(),
)
def test_adding_a_file_lowers_nothing(
    files: dict[str, ContentFacts], path: str, added: ContentFacts
) -> None:
    before = {(p.path, p.sign.trait): p.reach for p in placed_signs(view_of(files))}
    after = {(p.path, p.sign.trait): p.reach for p in placed_signs(view_of({**files, path: added}))}
    assert all(after[key] >= reach for key, reach in before.items())


def test_a_package_below_src_is_installed_whatever_its_name() -> None:
    files = {"proj-1.0/src/examples/__init__.py": code(), "proj-1.0/setup.py": code()}
    assert reach(view_of(files, kind="sdist"), "proj-1.0/src/examples/__init__.py") is Reach.IMPORT
    aside = {**files, "proj-1.0/src/tests/__init__.py": code()}
    assert reach(view_of(aside, kind="sdist"), "proj-1.0/src/tests/__init__.py") is Reach.NEVER
