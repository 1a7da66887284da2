from __future__ import annotations

from pratique.vet.analyses.registry import run_analyses
from pratique.vet.python.reader import read_python

LEAKY = b"""
import base64
import os


def fill(into, other):
    into["code"] = base64.b64decode(other)
    into["env"] = dict(os.environ)
    __builtins__["x"] = base64.b64decode(other)
"""
PLAIN = b"""
import subprocess

import requests


def start(command, body):
    subprocess.run(command)
    requests.post("https://api.example/", data=body)
    __builtins__.exec(command)
"""


def test_what_one_source_holds_shows_in_no_other() -> None:
    alone = run_analyses(read_python(PLAIN))
    run_analyses(read_python(LEAKY))
    assert run_analyses(read_python(PLAIN)) == alone


def test_parameters_of_one_function_do_not_share_labels() -> None:
    source = LEAKY + b"    return eval(other)\n"
    signs, _ = run_analyses(read_python(source))
    assert "decoded-exec" not in {sign.rule for sign in signs}
