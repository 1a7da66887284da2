# temporary-code: what another module gives, put into a temporary file and run
import importlib.util
import os
import runpy
import tempfile

from . import pages


def greet():
    stage = os.path.join(tempfile.mkdtemp(), "greeting")
    with open(stage, "wb") as out:
        out.write(pages.plain())
    runpy.run_path(stage)


def extend():
    with tempfile.NamedTemporaryFile("wb", suffix=".py", delete=False) as out:
        out.write(pages.page("part"))
    spec = importlib.util.spec_from_file_location("part", out.name)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
