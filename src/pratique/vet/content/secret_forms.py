"""The shapes of real secrets: fixed prefixes and lengths, so that they can be masked and counted.

Each form starts where no letter of its own alphabet stands before it, so the tries of one form never
overlap and a search is linear in the text. Source: the issuers' public descriptions of their tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretForm:
    """One kind of secret."""

    kind: str
    """Slug, printed in place of the secret."""
    marks: tuple[str, ...]
    """One of them stands in every such secret: a cheap test before the pattern."""
    pattern: re.Pattern[str]
    """Group `secret` is what must not be shown."""
    sure: bool = True
    """Whether the format alone tells a real secret; otherwise entropy has a say too."""


def _form(kind: str, pattern: str, *marks: str, sure: bool = True) -> SecretForm:
    return SecretForm(kind=kind, marks=marks, pattern=re.compile(pattern), sure=sure)


_W = r"(?<![A-Za-z0-9_\-])"

SECRET_FORMS: tuple[SecretForm, ...] = (
    _form("aws-key-id", r"(?<![A-Za-z0-9])(?P<secret>(?:AKIA|ASIA)[A-Z2-7]{16})(?![A-Za-z0-9])",
          "AKIA", "ASIA"),
    _form("aws-secret-key",
          r"(?i:aws_?secret_?(?:access_?)?key)[\"' ]{0,3}[=:][\"' ]{0,3}"
          r"(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])",
          "secret", "SECRET", "Secret"),
    _form("google-api-key", _W + r"(?P<secret>AIza[A-Za-z0-9_\-]{35})(?![A-Za-z0-9_\-])", "AIza"),
    _form("azure-storage-key", r"AccountKey=(?P<secret>[A-Za-z0-9+/]{86}==)", "AccountKey="),
    _form("github-token", _W + r"(?P<secret>gh[pousr]_[A-Za-z0-9]{36,251})(?![A-Za-z0-9_])", "gh"),
    _form("github-token", _W + r"(?P<secret>github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})",
          "github_pat_"),
    _form("gitlab-token", _W + r"(?P<secret>glpat-[A-Za-z0-9_\-]{20,64})", "glpat-"),
    _form("index-token", _W + r"(?P<secret>pypi-AgE[A-Za-z0-9_\-]{50,1000})", "pypi-AgE"),
    _form("npm-token", _W + r"(?P<secret>npm_[A-Za-z0-9]{36})(?![A-Za-z0-9_])", "npm_"),
    _form("slack-token", _W + r"(?P<secret>xox[abeoprs]-[A-Za-z0-9\-]{10,250})", "xox"),
    _form("slack-webhook",
          r"hooks\.slack\.com/(?:services|workflows)/(?P<secret>[A-Za-z0-9/]{20,120})",
          "hooks.slack.com"),
    _form("discord-webhook",
          r"/api/(?:v\d{1,2}/)?webhooks/(?P<secret>\d{15,21}/[A-Za-z0-9_\-]{50,90})",
          "/webhooks/"),
    _form("discord-token",
          r"(?<![A-Za-z0-9_\-.])"
          r"(?P<secret>[MNO][A-Za-z0-9]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,40})"
          r"(?![A-Za-z0-9_\-])", "."),
    _form("telegram-bot-token",
          r"(?<![0-9A-Za-z_\-])(?:bot)?(?P<secret>\d{8,10}:AA[A-Za-z0-9_\-]{33})(?![A-Za-z0-9_\-])",
          ":AA"),
    _form("stripe-key", _W + r"(?P<secret>[sr]k_live_[A-Za-z0-9]{20,120})", "k_live_"),
    _form("sendgrid-key", _W + r"(?P<secret>SG\.[A-Za-z0-9_\-]{22}\.[A-Za-z0-9_\-]{43})", "SG."),
    _form("openai-key",
          _W + r"(?P<secret>sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_\-]{20,100}T3BlbkFJ"
          r"[A-Za-z0-9_\-]{20,100})", "T3BlbkFJ"),
    _form("anthropic-key", _W + r"(?P<secret>sk-ant-[a-z]{3,6}\d\d-[A-Za-z0-9_\-]{80,120})",
          "sk-ant-"),
    _form("hugging-face-token", _W + r"(?P<secret>hf_[A-Za-z]{34})(?![A-Za-z0-9_])", "hf_"),
    _form("json-web-token",
          r"(?<![A-Za-z0-9_\-.])(?P<secret>eyJ[A-Za-z0-9_\-]{8,4000}\.eyJ[A-Za-z0-9_\-]{8,8000}"
          r"\.[A-Za-z0-9_\-]{16,2000})", "eyJ", sure=False),
    _form("password-in-url",
          r"(?<![A-Za-z])[A-Za-z][A-Za-z0-9+.\-]{1,20}://[^\s/:@\"'<>]{1,120}:"
          r"(?P<secret>[^\s/:@\"'<>{}$%*]{3,200})@", "://", sure=False),
    _form("authorization-header",
          r"(?i:\b(?:bearer|basic|token) )(?P<secret>[A-Za-z0-9_\-.+/=]{24,2000})",
          "earer ", "asic ", "oken ", "EARER ", sure=False),
)  # fmt: skip

_KEY_BEGIN = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = "-----END "
_MIN_KEY = 40
"""Characters of key material; a header without it is a parser's constant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSecret:
    """Where a secret stands."""

    kind: str
    start: int
    end: int
    sure: bool


def find_secrets(text: str) -> Iterator[FoundSecret]:
    """All secrets of known form, in no particular order; they may overlap."""
    if "PRIVATE KEY" in text:
        yield from _private_keys(text)
    for form in SECRET_FORMS:
        if any(mark in text for mark in form.marks):
            for match in form.pattern.finditer(text):
                start, end = match.span("secret")
                yield FoundSecret(kind=form.kind, start=start, end=end, sure=form.sure)


def _private_keys(text: str) -> Iterator[FoundSecret]:
    position = 0
    while match := _KEY_BEGIN.search(text, position):
        end = text.find(_KEY_END, match.end())
        end = len(text) if end < 0 else end
        body = text[match.end() : end]
        material = sum(1 for c in body[:400] if c.isalnum() or c in "+/=")
        if material >= _MIN_KEY:
            yield FoundSecret(kind="private-key", start=match.end(), end=end, sure=True)
        position = max(end, match.end())
