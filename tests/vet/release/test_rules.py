"""The rules that look at whole releases: what each catches, and what it lets be."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kit.release_facts import code, region, sign, view_of
from pratique.vet.model import Capability, ContentFacts, Context, Language, Metadata, Reach
from pratique.vet.release.names import Nearness, nearest_popular
from pratique.vet.release.rules import RELEASE_RULES, run_release_rules
from pratique.vet.release.rules.metadata_oddity import is_high
from pratique.vet.release.rules.wheel_not_in_sdist import compare_with_sdist
from pratique.vet.release.view import ReleaseView

FULL = Metadata(
    name="pkg",
    version="1.0",
    summary="s",
    description_size=9,
    author="A Person",
    author_email="a@person.example",
    license="MIT",
    urls=("https://pkg.example/",),
    classifiers=3,
)
INIT = {"pkg/__init__.py": code(size=9_000), "pkg/core.py": code(size=9_000)}


def found(view: ReleaseView, base: ReleaseView | None = None, rule: str = "") -> set[str]:
    signs, failed = run_release_rules(view, base, Context())
    assert failed == ()
    return {f"{p.sign.rule}:{p.sign.trait}" for p in signs if not rule or p.sign.rule == rule}


def test_an_ordinary_release_has_nothing_to_tell() -> None:
    view = view_of(INIT, metadata=FULL)
    assert found(view) == set()
    assert found(view, view) == set()


def pth(*needs: str) -> ContentFacts:
    return code(needs=needs, language=Language.PTH)


def test_start_hooks_absolutely_and_against_a_base() -> None:
    hooked = view_of({**INIT, "x.pth": pth("os")}, metadata=FULL)
    assert found(hooked) == {"new-start-hook:present"}
    assert found(hooked, view_of(INIT, metadata=FULL)) == {"new-start-hook:new"}
    assert found(hooked, hooked) == set()
    other = view_of({**INIT, "x.pth": pth("sys")}, metadata=FULL)
    assert found(other, hooked) == {"new-start-hook:changed"}
    folders = view_of({**INIT, "x.pth": pth()}, metadata=FULL)
    assert found(folders) == {"new-start-hook:path"}
    module = view_of({**INIT, "sitecustomize.py": code()}, metadata=FULL)
    assert "new-start-hook:customize" in found(module)


def test_namespace_declarations_of_old_setuptools_are_told_apart() -> None:
    plain = view_of({**INIT, "x-nspkg.pth": pth("sys", "types", "os")}, metadata=FULL)
    assert found(plain) == {"new-start-hook:namespace"}
    evil = code(needs=["os"], signs=[sign("exec")], language=Language.PTH)
    assert found(view_of({**INIT, "x-nspkg.pth": evil}, metadata=FULL)) == {
        "new-start-hook:present"
    }


def test_start_hooks_say_when_they_run() -> None:
    view = view_of({**INIT, "x.pth": pth("os")}, metadata=FULL)
    (placed,) = run_release_rules(view, None, Context())[0]
    assert (placed.path, placed.reach) == ("x.pth", Reach.STARTUP)
    assert placed.feature == "new-start-hook:present@startup"


def sdist(files: dict[str, ContentFacts], **metadata: object) -> ReleaseView:
    return view_of(
        {"pkg-1.0/" + p: f for p, f in files.items()},
        kind="sdist",
        metadata=Metadata(name="pkg", **metadata),
    )  # type: ignore[arg-type] # fields as the test gives them


def test_build_steps() -> None:
    plain, built = (
        sdist({"PKG-INFO": code(language=Language.METADATA)}),
        sdist({"PKG-INFO": code(language=Language.METADATA), "setup.py": code()}),
    )
    assert found(built, plain, "new-build-step") == {"new-build-step:setup-py"}
    assert found(built, built, "new-build-step") == set()
    own = sdist({}, build_backend="b", backend_path=(".",))
    assert found(own, sdist({}, build_backend="hatchling.build"), "new-build-step") == {
        "new-build-step:own-backend"
    }
    npm = view_of(
        {"package/x.js": code()}, kind="npm", metadata=Metadata(name="x", scripts=("node x.js",))
    )
    assert found(npm, None, "new-build-step") == {"new-build-step:install-command"}


def test_foreign_namespaces() -> None:
    files = {**INIT, "requests/__init__.py": code(), "pip/__init__.py": code()}
    view = view_of(files, metadata=FULL)
    assert found(view) == {"foreign-namespace:popular", "foreign-namespace:installer"}
    assert found(view, view) == set()
    own = view_of(
        {"requests/__init__.py": code(size=9_000), "requests/a.py": code(size=9_000)},
        filename="requests-2.0-py3-none-any.whl",
        metadata=Metadata(name="requests"),
    )
    assert not found(own, None, "foreign-namespace")
    shared = view_of({"requests/plugin/__init__.py": code()}, metadata=FULL)
    assert not found(shared, None, "foreign-namespace")


NATIVE = code(language=Language.NATIVE, form="elf", size=5_000)


def test_machine_code() -> None:
    pure = view_of({**INIT, "pkg/x.so": NATIVE}, metadata=FULL)
    plain = view_of(INIT, metadata=FULL)
    assert found(pure, None, "new-native-code") == {"new-native-code:pure-wheel"}
    assert found(pure, plain, "new-native-code") == {"new-native-code:first"}
    assert found(pure, pure, "new-native-code") == set()
    tagged = view_of(
        {**INIT, "pkg/x.so": NATIVE},
        filename="pkg-1.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        metadata=FULL,
    )
    assert found(tagged, None, "new-native-code") == set()
    odd = view_of(
        {**INIT, "pkg/x.exe": code(language=Language.NATIVE, form="pe")},
        filename="pkg-1.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        metadata=FULL,
    )
    assert found(odd, None, "new-native-code") == {"new-native-code:foreign-kind"}


def test_compiled_modules_in_a_source_archive() -> None:
    setup = code(size=9_000)
    bare = sdist({"setup.py": setup, "pkg/core.so": NATIVE})
    assert found(bare, None, "new-native-code") == {"new-native-code:no-source"}
    assert found(bare, sdist({"setup.py": setup}), "new-native-code") >= {
        "new-native-code:no-source"
    }
    assert not found(bare, bare, "new-native-code")
    built = sdist({"setup.py": setup, "pkg/core.so": NATIVE, "pkg/core.pyx": code()})
    assert not found(built, None, "new-native-code")
    tested = sdist({"setup.py": setup, "tests/core.so": NATIVE})
    assert not found(tested, None, "new-native-code")


def test_programs_inside() -> None:
    view = view_of(
        {
            **INIT,
            "pkg/bin/bun": NATIVE,
            "pkg/bin/frpc": NATIVE,
            "pkg/bin/tool": NATIVE,
            "pkg/x.abi3.so": NATIVE,
        },
        metadata=FULL,
    )
    assert found(view, None, "bundled-runtime") == {
        "bundled-runtime:interpreter",
        "bundled-runtime:transfer-tool",
        "bundled-runtime:executable",
    }
    assert found(view, view_of(INIT, metadata=FULL), "bundled-runtime") >= {
        "bundled-runtime:new-executable"
    }
    assert found(view, view, "bundled-runtime") == set()


def test_disguises() -> None:
    view = view_of(
        {**INIT, "pkg/logo.png": code(language=Language.DATA, form="elf")}, metadata=FULL
    )
    assert "disguised-content:executable" in found(view)
    assert not found(view, view, "disguised-content")
    honest = view_of(
        {**INIT, "pkg/logo.png": code(language=Language.IMAGE, form="png")}, metadata=FULL
    )
    assert not found(honest, None, "disguised-content")


def test_opaque_payload_needs_data_and_a_loader() -> None:
    blob = code(language=Language.DATA, size=4_000)
    loader = code(region("", "builtins.open", "builtins.exec"), uses=[(Capability.DYNAMIC_CODE, 0)])
    reader = code(region("", "builtins.open"))
    both = view_of({**INIT, "pkg/a.py": loader, "pkg/x.bin": blob}, metadata=FULL)
    assert found(both) == {"opaque-payload:executed"}
    assert found(view_of({**INIT, "pkg/a.py": reader, "pkg/x.bin": blob}, metadata=FULL)) == set()
    assert found(view_of({**INIT, "pkg/a.py": loader}, metadata=FULL)) == set()
    assert found(both, both) == set()
    cipher = code(region("", "builtins.open", "cryptography.fernet.Fernet().decrypt"))
    assert found(view_of({**INIT, "pkg/a.py": cipher, "pkg/x.bin": blob}, metadata=FULL)) == {
        "opaque-payload:decrypted"
    }


def test_compiled_code_without_source() -> None:
    pyc = code(language=Language.PYC)
    view = view_of(
        {
            **INIT,
            "pkg/hidden.pyc": pyc,
            "pkg/__pycache__/gone.cpython-311.pyc": pyc,
            "pkg/__pycache__/core.cpython-311.pyc": pyc,
        },
        metadata=FULL,
    )
    assert found(view, None, "pyc-without-source") == {
        "pyc-without-source:importable",
        "pyc-without-source:leftover",
        "pyc-without-source:beside",
    }
    assert found(view, view, "pyc-without-source") == set()


def needing(*requires: str) -> ReleaseView:
    return view_of(INIT, metadata=Metadata(name="pkg", requires=requires))


def test_dependencies() -> None:
    rule = "added-dependency"
    assert found(needing("numpy", "nobody-knows"), needing("numpy>=1"), rule) == {
        f"{rule}:new-unknown"
    }
    assert found(needing("numpy", "requests>2"), needing("numpy"), rule) == {f"{rule}:new"}
    assert found(needing("numpy<3"), needing("numpy>=1"), rule) == set()
    assert found(needing("requsets"), None, rule) == {f"{rule}:near-popular"}
    assert found(needing("x @ https://x.example/x.zip"), None, rule) == {f"{rule}:direct-url"}
    assert found(needing("numpy"), None, rule) == set()


def test_destinations() -> None:
    def talking(*urls: str) -> ReleaseView:
        return view_of(
            {
                "pkg/a.py": code(
                    region("f", digest=str(urls)), signs=[sign(shown=url) for url in urls]
                )
            },
            metadata=FULL,
        )

    old = talking("https://a.example/x")
    assert found(talking("https://a.example/y"), old, "new-destination") == set()
    assert found(talking("https://u:p@b.example:8080/y"), old, "new-destination") == {
        "new-destination:host"
    }
    assert found(talking("GET http://192.0.2.7/x"), old, "new-destination") == {
        "new-destination:address"
    }
    assert found(talking("https://b.example/y"), None, "new-destination") == set()


def test_size() -> None:
    small, large = (
        view_of({"pkg/a.py": code(size=50_000)}),
        view_of({"pkg/a.py": code(size=600_000)}),
    )
    assert found(large, small, "size-jump") == {"size-jump:code", "size-jump:long-file"}
    assert found(small, large, "size-jump") == set()


def told(**fields: object) -> ReleaseView:
    return view_of(INIT, metadata=Metadata(name="pkg", version="1", **fields))  # type: ignore[arg-type] # fields as the test gives them


@pytest.mark.parametrize(
    ("old", "new", "trait"),
    [
        ({"author": "A"}, {"author": "B"}, "author"),
        ({"author_email": "a@a.example"}, {"author_email": "b@b.example"}, "author-email"),
        ({"urls": ("https://github.com/a/x",)}, {"urls": ("https://github.com/b/x",)}, "home-page"),
        ({"author": "A", "urls": ("https://a.example",)}, {}, "vanished"),
    ],
)
def test_metadata_changes(old: dict[str, object], new: dict[str, object], trait: str) -> None:
    assert found(told(**new), told(**old), "metadata-change") == {f"metadata-change:{trait}"}
    assert found(told(**old), told(**old), "metadata-change") == set()


def test_respelling_is_no_change() -> None:
    old, new = told(author="A. Person", license="MIT"), told(author="a person", license="MIT")
    assert found(new, old, "metadata-change") == set()


@pytest.mark.parametrize(
    ("name", "popular", "nearness"),
    [
        ("requsets", "requests", Nearness.EDIT),
        ("reqeusts", "requests", Nearness.EDIT),
        ("matplotlip", "matplotlib", Nearness.EDIT),
        ("nurnpy", "numpy", Nearness.CONFUSABLE),
        ("c0verage", "coverage", Nearness.CONFUSABLE),
        ("typingextensions", "typing-extensions", Nearness.SEPARATORS),
        ("cov-pytest", "pytest-cov", Nearness.SWAPPED),
        ("python-requests", "requests", Nearness.AFFIX),
        ("pandas3", "pandas", Nearness.AFFIX),
    ],
)
def test_names_like_popular_ones(name: str, popular: str, nearness: Nearness) -> None:
    near = nearest_popular(name)
    assert near is not None
    assert (near.popular, near.nearness) == (popular, nearness)


@pytest.mark.parametrize(
    "name", ["requests", "numpy", "my-own-thing", "six", "zzqx", "litellm-enterprise-extras"]
)
def test_names_of_their_own(name: str) -> None:
    assert nearest_popular(name) is None


def test_a_squat_is_told_once_and_not_of_approved_projects() -> None:
    view = view_of(
        INIT, filename="requsets-1.0-py3-none-any.whl", metadata=Metadata(name="requsets")
    )
    assert found(view, None, "name-squat") == {"name-squat:edit"}
    assert found(view, view, "name-squat") == set()


def test_star_jacking() -> None:
    jacked = view_of(INIT, metadata=Metadata(name="pkg", urls=("https://github.com/psf/requests",)))
    assert found(jacked, None, "star-jacking") == {"star-jacking:repository"}
    plugin = view_of(
        INIT,
        filename="requests_x-1.0-py3-none-any.whl",
        metadata=Metadata(name="requests-x", urls=("https://github.com/psf/requests",)),
    )
    assert found(plugin, None, "star-jacking") == set()


@pytest.mark.parametrize(
    ("version", "high"),
    [
        ("99.0", True),
        ("100.1", True),
        ("9999.99.99", True),
        ("2026.1", False),
        ("1999.9.9", False),
        ("2.99", False),
        ("23.1", False),
        ("x", False),
    ],
)
def test_versions_made_to_win(version: str, *, high: bool) -> None:
    assert is_high(version) is high


def test_odd_metadata() -> None:
    odd = view_of(
        INIT,
        metadata=Metadata(
            name="other", version="99.9", author="test", author_email="x@example.com"
        ),
    )
    assert found(odd, None, "metadata-oddity") == {
        f"metadata-oddity:{name}"
        for name in [
            "high-version",
            "no-summary",
            "no-description",
            "no-addresses",
            "no-classifiers",
            "no-license",
            "throw-away-author",
            "throw-away-address",
            "other-name",
        ]
    }
    assert found(view_of(INIT, metadata=Metadata()), None, "metadata-oddity") == {
        "metadata-oddity:no-metadata"
    }


def test_company_names() -> None:
    def named(name: str, version: str) -> ReleaseView:
        return view_of(
            INIT,
            filename=f"{name}-{version}-py3-none-any.whl".replace("-", "_", name.count("-")),
            metadata=Metadata(name=name, version=version),
        )

    assert found(named("acme-internal-auth", "1.0"), None, "internal-name") == {
        "internal-name:words"
    }
    assert found(named("acme-internal", "99.0"), None, "internal-name") == {
        "internal-name:words-and-version"
    }
    assert found(named("acme", "99.0"), None, "internal-name") == set()


def test_thin_packages() -> None:
    setup = sdist({"setup.py": code(size=900), "pkg/__init__.py": code(size=0)})
    assert found(setup, None, "thin-package") == {"thin-package:only-setup", "thin-package:tiny"}
    assert found(view_of({"pkg/__init__.py": code(size=3_000)}), None, "thin-package") == {
        "thin-package:one-module",
        "thin-package:small",
    }
    assert found(view_of({"pkg/x.bin": code(language=Language.DATA)}), None, "thin-package") == {
        "thin-package:no-code"
    }


TALKS = sign("network", rule="sinks")


def thin(
    size: int, metadata: Metadata = FULL, context: Context | None = None, more: str = ""
) -> set[str]:
    files = {"pkg/__init__.py": code(size=size, signs=[TALKS])}
    files |= {more: code(size=90_000)} if more else {}
    signs, failed = run_release_rules(view_of(files, metadata=metadata), None, context or Context())
    assert failed == ()
    return {placed.feature for placed in signs if placed.sign.rule == "thin-deed"}


def test_a_thin_release_with_a_deed() -> None:
    assert thin(30_000) == set()
    assert thin(15_000) == {"thin-deed:short-network@import"}
    assert thin(5_000) == {"thin-deed:short-network@import", "thin-deed:small-network@import"}
    assert len(thin(900)) == 3
    assert thin(9_000, more="pkg/tests/x.py") == {"thin-deed:short-network@import"}
    assert thin(9_000, more="pkg/x.py") == set()
    idle = view_of({"pkg/__init__.py": code(size=900)}, metadata=FULL)
    assert found(idle, None, "thin-deed") == set()


def test_what_a_release_says_of_itself_beside_its_deed() -> None:
    terse = Metadata(name="pkg", version="1.0", summary="s", author="A Person")
    assert thin(90_000, terse) == {"thin-deed:terse-network@import"}
    for odd in (
        replace(FULL, version="99.9.9"),
        replace(FULL, name="requsets"),
        replace(FULL, urls=("https://github.com/psf/requests",)),
        replace(FULL, name="acme-internal"),
    ):
        assert thin(90_000, odd) == {"thin-deed:odd-network@import"}
    assert thin(90_000, replace(FULL, name="requests-plugin")) == set()


def test_a_project_with_a_history_is_not_thin() -> None:
    old = Context(releases_before=5, project_age_days=900)
    young = Context(releases_before=5, project_age_days=9)
    assert thin(900, context=old) == set()
    assert len(thin(900, context=young)) == 3
    view = view_of({"pkg/__init__.py": code(size=900, signs=[TALKS])}, metadata=FULL)
    assert found(view, view, "thin-deed") == set()


def test_what_was_not_read_is_said() -> None:
    broken = ContentFacts(language=Language.PYTHON, size=9, unfinished=("too deep",))
    view = view_of({**INIT, "pkg/a.py": broken}, metadata=FULL, problems=("a member is encrypted",))
    assert found(view) == {"unread:archive", "unread:content"}
    assert found(view, view) == set()


def test_wheels_against_their_sdist() -> None:
    source = view_of(
        {
            "pkg-1.0/src/pkg/__init__.py": INIT["pkg/__init__.py"],
            "pkg-1.0/src/pkg/core.py": code(size=1),
            "pkg-1.0/PKG-INFO": code(),
        },
        kind="sdist",
    )
    wheel = view_of(
        {
            "pkg/__init__.py": INIT["pkg/__init__.py"],
            "pkg/core.py": code(size=2),
            "pkg/more.py": code(size=3),
            "x.pth": pth("os"),
            "pkg/_version.py": code(size=8),
        }
    )
    told = {(p.path, p.sign.trait) for p in compare_with_sdist(wheel, source)}
    assert told == {("pkg/core.py", "differs"), ("pkg/more.py", "absent"), ("x.pth", "start-hook")}


def test_a_rule_that_fails_is_named_and_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError

    rule = RELEASE_RULES[0]
    replaced = (type(rule)(rule=rule.rule, run=broken), *RELEASE_RULES[1:])  # type: ignore[arg-type] # fields as the test gives them
    monkeypatch.setattr("pratique.vet.release.rules.RELEASE_RULES", replaced)
    signs, failed = run_release_rules(view_of(INIT), None, Context())
    assert failed == ("rule new-start-hook failed: RuntimeError",)
    assert signs
