"""Settings: what is read, what is refused, and in which words."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from pratique.errors import SettingsError
from pratique.settings import DEFAULT_LISTEN, default_home, load_settings


def write(home: Path, text: str) -> Path:
    home.mkdir(exist_ok=True)
    (home / "pratique.toml").write_text(text, "utf-8")
    return home


def refuse(home: Path, text: str, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(write(home, text), environ=environ or {})
    return str(caught.value)


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "absent", environ={})
    assert settings.door.listen == DEFAULT_LISTEN == "127.0.0.1:8420"
    assert settings.door.anonymous == "loopback"
    assert settings.door.file_write == "strict"
    assert [u.name for u in settings.upstream] == ["public"]
    assert settings.upstream[0].url == ""
    assert [(i.name, i.upstreams) for i in settings.index] == [("pypi", ("public",))]
    assert settings.policy_path == tmp_path / "absent" / "policy.toml"


def test_the_file_is_read(tmp_path: Path) -> None:
    settings = load_settings(
        write(
            tmp_path,
            """
            [door]
            listen = "127.0.0.1:9999"
            [storage]
            blob_cap_gib = 1.5
            [[upstream]]
            name = "house"
            url = "https://packages.acme.example/simple/"
            private = true
            names = ["acme-*"]
            [[upstream]]
            name = "public"
            [[index]]
            name = "work"
            upstreams = ["house", "public"]
            """,
        ),
        environ={},
    )
    assert settings.door.listen == "127.0.0.1:9999"
    assert settings.storage.blob_cap_gib == 1.5
    assert settings.upstream[0].private
    assert settings.upstream[0].names == ("acme-*",)
    assert settings.index[0].upstreams == ("house", "public")


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    home = write(tmp_path, '[door]\nlisten = "127.0.0.1:1"\npublic_url = "https://a.example"\n')
    environ = {
        "PRATIQUE_LISTEN": "127.0.0.1:2",
        "PRATIQUE_DATABASE_URL": "postgresql://db.example/pratique",
    }
    settings = load_settings(home, environ=environ)
    assert settings.door.listen == "127.0.0.1:2"
    assert settings.door.public_url == "https://a.example"
    assert settings.storage.database_url == "postgresql://db.example/pratique"


def test_home_comes_from_the_environment_else_the_platform(tmp_path: Path) -> None:
    assert default_home({"PRATIQUE_HOME": str(tmp_path)}) == tmp_path
    fallback = platformdirs.user_data_path("pratique", appauthor=False)
    assert default_home({}) == default_home({"PRATIQUE_HOME": ""}) == fallback
    assert load_settings(environ={"PRATIQUE_HOME": str(tmp_path)}).home == tmp_path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[door\n", ["cannot read", "line 1"]),
        ("[door]\nlistne = 'a'\n", ["listne", "$.door"]),
        ("[door]\nlisten = 8420\n", ["$.door.listen", "str"]),
        ("[door]\nanonymous = 'somebody'\n", ["$.door.anonymous"]),
        ("[door]\nfile_write = 'maybe'\n", ["$.door.file_write"]),
        ("[nonsense]\na = 1\n", ["nonsense"]),
        ("home = '/tmp'\n", ["home", "PRATIQUE_HOME"]),
        ("[[upstream]]\nurl = 'https://a.example'\n", ["name", "$.upstream[0]"]),
        ("[[upstream]]\nname = 'a'\n[[upstream]]\nname = 'a'\n", ["same name"]),
        ("[[index]]\nname = 'a'\nupstreams = ['nobody']\n", ["nobody", "public"]),
        ("[[index]]\nname = 'a'\nupstreams = []\n", ["'a'", "one or more of"]),
        ("door = 3\n", ["$.door"]),
    ],
)
def test_mistakes_are_named_with_file_and_key(tmp_path: Path, text: str, words: list[str]) -> None:
    shown = refuse(tmp_path, text)
    assert "pratique.toml" in shown
    for word in words:
        assert word in shown


def test_an_environment_variable_over_a_broken_table_is_refused_not_a_crash(tmp_path: Path) -> None:
    shown = refuse(tmp_path, "door = 3\n", {"PRATIQUE_LISTEN": "127.0.0.1:1"})
    assert "$.door" in shown


def test_a_mistake_in_the_environment_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    shown = refuse(tmp_path, "", {"PRATIQUE_VET": "maybe"})
    assert shown.startswith("PRATIQUE_VET: ")
    assert "$.vet.mode" in shown
    assert "pratique.toml" not in shown


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pratique.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="cannot read"):
        load_settings(tmp_path, environ={})
