"""Commands in configuration files: what leaves a version open, and what only looks like it."""

from __future__ import annotations

import pytest

from pratique.inventory.errors import LockError
from pratique.inventory.launches import read_launches, reads_launches
from pratique.inventory.launches.model import Launch


def launches(path: str, text: str) -> tuple[Launch, ...]:
    return read_launches(path, text.encode())


def open_specs(path: str, text: str) -> list[str]:
    return [item.spec for launch in launches(path, text) for item in launch.unpinned]


COMMIT = "0123456789abcdef0123456789abcdef01234567"

PINNED = [
    "pip install -e .",
    "pip install .",
    "pip install '.[dev,test]'",
    "pip install ./sub ../other /abs/path",
    "pip install --require-hashes -r requirements.txt",
    "pip install -r requirements.txt -c constraints.txt",
    "pip install litellm==1.82.6",
    "pip install 'litellm[proxy]==1.82.6' --no-deps",
    "pip install litellm===1.82.6",
    "pip install dist/*.whl",
    "pip install --no-index --find-links wheels litellm",
    "pip install --dry-run litellm",
    "pip install litellm==$VERSION",
    'pip install "$PACKAGES"',
    f"pip install git+https://code.example/x@{COMMIT}",
    f"pip install 'x @ git+https://code.example/x@{COMMIT}#egg=x'",
    f"pip install https://files.example/x-1.0.tar.gz#sha256={'a' * 64}",
    "pip install -t target --index-url https://door.example/pypi/simple litellm==1.0",
    "pip freeze > requirements.txt",
    "pip list && pip check",
    "pip uninstall -y litellm",
    "pip download litellm",
    "echo 'pip install litellm'",
    "# pip install litellm",
    "ls # pip install litellm",
    "uvx ruff@0.5.0 check",
    "uvx ruff==0.5.0 check litellm",
    "uvx --from litellm==1.82.6 litellm --port 1",
    "uvx --from 'litellm[proxy]==1.82.6' litellm",
    "uvx --python 3.12 --with requests==2.0 ruff@0.5.0",
    "uv tool run ruff@0.5.0",
    "uv run pytest",
    "uv run --with requests==2.0 script.py",
    "uv sync --frozen",
    "pipx run --spec build==1.0 pyproject-build",
    "pipx list",
    "npx -y @scope/server@1.2.3 --flag",
    "npx --no-install tsc",
    "npx ./local",
    "python script.py -m pip install litellm",
    "mypip install litellm",
    "gripip install x",
]


@pytest.mark.parametrize("command", PINNED)
def test_pinned_or_no_launch(command: str) -> None:
    assert open_specs("run.sh", command + "\n") == []


UNPINNED = [
    ("pip install litellm", ["litellm"]),
    ("pip3.11 install -U litellm", ["litellm"]),
    ("/usr/bin/pip install litellm", ["litellm"]),
    ("pip install -q --no-cache-dir 'litellm>=1.0'", ["litellm>=1.0"]),
    ("pip install litellm==1.*", ["litellm==1.*"]),
    ("pip install litellm~=1.82", ["litellm~=1.82"]),
    ("pip install -r requirements.txt litellm", ["litellm"]),
    ("pip install a==1 b c==2 d", ["b", "d"]),
    ("python -m pip install litellm", ["litellm"]),
    ("python3 -I -m pip install litellm", ["litellm"]),
    ("sudo -H pip install litellm", ["litellm"]),
    ("FOO=bar PIP_NO_CACHE=1 pip install litellm", ["litellm"]),
    ("env A=1 pip install litellm", ["litellm"]),
    ("cd x && pip install litellm; true", ["litellm"]),
    ("if ! pip install litellm; then exit 1; fi", ["litellm"]),
    ("X=$(uvx tool-name)", ["tool-name"]),
    ('bash -c "make && pip install litellm"', ["litellm"]),
    ("bash -lc 'uvx one && uvx two'", ["one", "two"]),
    ("pip install git+https://code.example/x@main", ["git+https://code.example/x@main"]),
    ("pip install git+https://code.example/x@v1.2", ["git+https://code.example/x@v1.2"]),
    ("pip install https://files.example/x-1.0.tar.gz", ["https://files.example/x-1.0.tar.gz"]),
    ("pip install litellm > log 2>&1", ["litellm"]),
    ("pip install litellm # comment", ["litellm"]),
    ("uv pip install litellm", ["litellm"]),
    ("uv --directory x pip install --system litellm", ["litellm"]),
    ("uvx litellm", ["litellm"]),
    ("uvx litellm@latest", ["litellm@latest"]),
    ("uvx --from litellm litellm-proxy", ["litellm"]),
    ("uvx --from=litellm litellm-proxy", ["litellm"]),
    ("uvx --with a,b==1 ruff@0.5.0", []),
    ("uvx --with a,b ruff@0.5.0", ["a", "b"]),
    ("uv tool run litellm", ["litellm"]),
    ("uv tool install litellm --with extra-one", ["litellm", "extra-one"]),
    ("uv run --with litellm script.py", ["litellm"]),
    ("uv run pip install litellm", ["litellm"]),
    ("poetry run pip install litellm", ["litellm"]),
    ("pipx run litellm", ["litellm"]),
    ("pipx install litellm", ["litellm"]),
    ("npx -y @scope/server", ["@scope/server"]),
    ("npx -y @scope/server@latest --key abc", ["@scope/server@latest"]),
    ("npx -y server@^1.0.0", ["server@^1.0.0"]),
    ("npx -p one -p two@1.0.0 cmd", ["one"]),
    ("pnpm dlx create-thing", ["create-thing"]),
    ("bunx thing", ["thing"]),
    ("pip install \\\n   litellm \\\n   other==1", ["litellm"]),
    ("pip install 'unbalanced litellm", ["litellm"]),
]


@pytest.mark.parametrize(("command", "specs"), UNPINNED)
def test_unpinned(command: str, specs: list[str]) -> None:
    found = open_specs("run.sh", command + "\n")
    if "unbalanced" in command or "a,b==1" in command:
        assert set(specs) <= set(found)
    else:
        assert found == specs


@pytest.mark.parametrize(
    ("command", "mild"),
    [
        ("pip install --upgrade pip", True),
        ("pip install -U pip setuptools wheel", True),
        ("pip install litellm -c constraints.txt", True),
        ("uvx --exclude-newer 2026-01-01 ruff", True),
        ("npx tsc", True),
        ("npx -y tsc", False),
        ("npx tsc@latest", False),
        ("pip install pipx", False),
    ],
)
def test_what_is_bounded_otherwise_is_mild(command: str, mild: bool) -> None:
    [launch] = launches("run.sh", command)
    assert {item.mild for item in launch.unpinned} == {mild}


def test_the_excerpt_ends_at_the_last_package() -> None:
    [launch] = launches("run.sh", "TOKEN=abc uvx -q litellm --api-key sk-secret\n")
    assert launch.excerpt == "uvx -q litellm …"


def test_indexes_are_told() -> None:
    [launch] = launches("run.sh", "pip install -i https://idx.example/simple demo==1.0\n")
    assert launch.indexes == ("https://idx.example/simple",)
    assert launch.unpinned == ()


WORKFLOW = """\
jobs:
  test:
    steps:
      - name: pip install things
        run: pip install tox
      - run: |
          python -m pip install --upgrade pip
          pip install -r requirements.txt
          uvx scanner --all
      # - run: pip install commented
      - uses: some/action@v1
        with:
          command: "uvx quoted"
      - run: >-
          pip install
          folded
      - run: echo "done"
"""


def test_workflows() -> None:
    found = [
        (launch.location.line, item.spec, item.mild)
        for launch in launches(".github/workflows/ci.yml", WORKFLOW)
        for item in launch.unpinned
    ]
    assert found == [
        (5, "tox", False),
        (7, "pip", True),
        (9, "scanner", False),
        (13, "quoted", False),
        (15, "folded", False),
    ]


def test_columns_point_at_the_tool() -> None:
    [launch] = [x for x in launches("a/.github/workflows/ci.yml", WORKFLOW) if x.tool == "uvx"][:1]
    line = WORKFLOW.split("\n")[launch.location.line - 1]
    assert line[launch.location.column - 1 :].startswith("uvx scanner")


def test_gitlab() -> None:
    text = 'job:\n  script: ["pip install a && make", "pip install b==1"]\n  before_script:\n'
    text += "    - pip install c\n    - 'uvx d'\n"
    assert open_specs(".gitlab-ci.yml", text) == ["a", "c", "d"]


def test_compose_lists_are_one_command() -> None:
    text = 'services:\n  mcp:\n    command: ["uvx", "mcp-server", "--port", "1"]\n'
    assert open_specs("docker-compose.yml", text) == ["mcp-server"]


DOCKERFILE = """\
FROM base
RUN --mount=type=cache,target=/var/cache/pip pip install --no-cache-dir \\
    # not a requirement
    litellm \\
    other==1.0
RUN ["pip", "install", "exec-form"]
ENTRYPOINT ["uvx", "mcp-server"]
RUN <<EOF
pip install heredoc
EOF
LABEL note="pip install label"
HEALTHCHECK --interval=5s CMD uvx health
COPY pip install /x
"""


def test_dockerfiles() -> None:
    assert open_specs("Dockerfile", DOCKERFILE) == [
        "litellm",
        "exec-form",
        "mcp-server",
        "heredoc",
        "health",
    ]
    assert [x.location.line for x in launches("Containerfile", DOCKERFILE)] == [2, 6, 7, 9, 12]


def test_makefiles_and_justfiles() -> None:
    text = "PIP = pip\nnote = pip install no\nall:\n\t@$(PIP) install a\n\t-uvx b==1\n"
    text += "\t$(PYTHON) -m pip install \\\n\t  c\n"
    assert open_specs("Makefile", text) == ["a", "c"]
    assert open_specs("justfile", "run:\n    @uvx tool {{args}}\n") == ["tool"]


MCP = """\
{ // editors allow comments
  "mcpServers": {
    "one": {"command": "uvx", "args": ["mcp-one", "--token", "sk-secret"]},
    "two": {"command": "npx", "args": ["-y", "@x/two@latest"],},
    "three": {"command": "uvx", "args": ["mcp-three==1.0"]},
    "four": {"command": "cmd", "args": ["/c", "npx", "-y", "four"]},
    "five": {"command": "uvx mcp-five"},
    "six": {"command": "C:\\\\bin\\\\uvx.exe", "args": ["six"]},
    "seven": {"url": "https://mcp.example/"},
    "eight": {"command": "docker", "args": ["run", "image"]}, /* more */
  }
}
"""


@pytest.mark.parametrize(
    "path", [".mcp.json", ".cursor/mcp.json", "x/.vscode/mcp.json", "claude_desktop_config.json"]
)
def test_mcp_servers(path: str) -> None:
    found = launches(path, MCP)
    assert [item.spec for launch in found for item in launch.unpinned] == [
        "mcp-one", "@x/two@latest", "four", "mcp-five", "six",
    ]  # fmt: skip
    assert [launch.location.line for launch in found] == [3, 4, 6, 7, 8]
    assert "sk-secret" not in str(found)


def test_devcontainers() -> None:
    text = '{"postCreateCommand": "pip install a && uvx b",\n "image": "uvx c",\n'
    text += ' "onCreateCommand": {"x": ["pip", "install", "d"], "y": "uvx e==1"}}'
    assert open_specs(".devcontainer/devcontainer.json", text) == ["a", "b", "d"]


def test_pre_commit() -> None:
    text = (
        "repos:\n- repo: https://code.example/hooks\n  rev: v1\n  hooks:\n  - id: mypy\n"
        "    additional_dependencies: [types-a, 'b==1', prettier@3.0.0]\n  - id: x\n"
        "    additional_dependencies:\n      - c>=1\n      - d==2\n    entry: uvx e\n"
    )
    assert open_specs(".pre-commit-config.yaml", text) == ["types-a", "c>=1", "e"]


def test_tox_and_nox() -> None:
    tox = "[testenv]\ndeps =\n    a\n    b==1\n    -r req.txt\n    py311: c>1\ncommands =\n"
    tox += "    pip install d\n    pytest {posargs}\n[other]\nnote = pip install e\n"
    assert open_specs("tox.ini", tox) == ["a", "c>1", "d"]
    nox = 'import nox\n\ndef t(session):\n    session.install("a", "b==1")\n'
    nox += '    session.install("-r", "r.txt")\n    session.run("uvx", "c")\n    other("pip install d")\n'
    assert open_specs("noxfile.py", nox) == ["a", "c"]


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("Dockerfile.dev", True),
        ("deploy/api.Dockerfile", True),
        (".github/workflows/x.yaml", True),
        ("docs/x.yaml", False),
        ("package.json", False),
        ("settings.json", False),
        (".claude/settings.json", True),
        ("script.sh", True),
        ("script.py", False),
    ],
)
def test_which_files_are_read(path: str, known: bool) -> None:
    assert reads_launches(path) is known


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [(".mcp.json", '{\n"a": }', 2), ("noxfile.py", "a = 1\nb = (\n", 2)],
)
def test_what_cannot_be_read_says_where(path: str, text: str, line: int) -> None:
    with pytest.raises(LockError) as caught:
        launches(path, text)
    assert caught.value.line == line
