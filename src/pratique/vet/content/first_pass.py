"""One pass over a text for everything that content analyses look for, so that each need not read it all.

A class that does not occur spares its analysis; one that occurs says only that it is worth to look.
"""

from __future__ import annotations

from enum import IntFlag
from functools import cache, lru_cache
from typing import Final

from pratique.vet.content.data_tables import load_table
from pratique.vet.matching import Matcher, best_matcher


class Seen(IntFlag):
    """What occurs in a content."""

    SECRET = 1 << 0
    AGENT = 1 << 1
    """Words spoken to a language model."""
    NOISE = 1 << 2
    """Names of letters that look alike."""
    KNOWN = 1 << 3
    """An indicator of the shipped table."""
    SCRIPTING = 1 << 4
    """JavaScript that decodes, evaluates or starts programs."""
    UNSEEN = 1 << 5
    """Characters that print as nothing or turn the direction of reading (UTF-8)."""
    MIXED = 1 << 6
    """A letter that looks Latin and is not, beside one that is (UTF-8)."""
    FOREIGN = 1 << 7
    """A letter beyond ASCII where names end: before `=`, `(` or `[`."""


def _quoted(text: str) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in text.encode())


AGENT_PATTERNS: Final[tuple[bytes, ...]] = (
    (
        rb"(?:ignore|disregard|forget|override)[ \t\r\n]{1,3}(?:all[ \t\r\n]{1,3}|any[ \t\r\n]{1,3})?"
        rb"(?:of[ \t\r\n]{1,3})?(?:the[ \t\r\n]{1,3}|your[ \t\r\n]{1,3}|my[ \t\r\n]{1,3})?(?:previous"
        rb"|prior|above|earlier|preceding|existing|other)[ \t\r\n]{1,3}(?:instruction|prompt"
        rb"|direction|rule|context|guideline|message|command)"
    ),
    (
        rb"<[ ]?/?(?:system|important|(?:system|important|hidden|secret|admin|assistant|developer)"
        rb"[_ -](?:directive|instructions?|prompt|message|override|notice|note|command))[ ]?>"
    ),
    (
        rb"(?:do not|don'?t|never|without)[ \t\r\n]{1,3}(?:ever[ \t\r\n]{1,3})?(?:tell|telling"
        rb"|mention|mentioning|inform|informing|notify|notifying|reveal|revealing|disclose|show|alert"
        rb"|alerting)[ \t\r\n]{1,3}(?:this[ \t\r\n]{1,3}|it[ \t\r\n]{1,3}|anything[ \t\r\n]{1,3}|any"
        rb"[ \t\r\n]{1,3}of[ \t\r\n]{1,3}this[ \t\r\n]{1,3})?(?:to[ \t\r\n]{1,3})?(?:the"
        rb"[ \t\r\n]{1,3}|your[ \t\r\n]{1,3})?(?:user|human|developer|operator)"
    ),
    (
        rb"you are (?:now )?(?:an?|the) (?:ai|helpful|unrestricted|autonomous|coding|security|system"
        rb"|large language)[ a-z-]{0,40}(?:assistant|agent|model|tool|auditor)"
    ),
    (
        rb"(?:before|after|when|whenever|prior to) (?:using|calling|invoking|you use|you call"
        rb"|running) (?:this|any|other|the) (?:other )?tools?\b"
    ),
    rb"\b(?:system|developer) (?:prompt|directive|override) ?:",
    rb"<\|(?:im_start|system|im_end|endoftext|user)\|>|\[/inst\]",
    (
        rb"(?:llm|ai|gpt|claude|gemini|copilot|language model)s?[ ,a-z]{0,30}(?:analy[sz]ing"
        rb"|reviewing|scanning|reading|evaluating|auditing) (?:this|the) (?:code|file|package|script"
        rb"|module)"
    ),
    (
        rb"(?:classify|mark|report|treat|rate|label) (?:this|the) (?:package|file|code|script"
        rb"|module) (?:as )?(?:safe|benign|clean|harmless|trusted)"
    ),
)

_PATTERNS: Final = {
    int(Seen.SECRET): (
        rb"A(?:KIA|SIA)[A-Z2-7]{16}", rb"(?i)secret_?(?:access_?)?key[\"' ]{0,3}[=:]",
        rb"AIza[A-Za-z0-9_\-]{35}",
        rb"AccountKey=[A-Za-z0-9+/]{20}", rb"gh[pousr]_[A-Za-z0-9]{36}",
        rb"github_pat_[A-Za-z0-9]{22}", rb"glpat-[A-Za-z0-9_\-]{20}",
        rb"pypi-AgE[A-Za-z0-9_\-]{50}", rb"npm_[A-Za-z0-9]{36}", rb"xox[abeoprs]-[A-Za-z0-9\-]{10}",
        rb"hooks\.slack\.com/",
        rb"/webhooks/[0-9]{15}", rb"[MNO][A-Za-z0-9]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27}",
        rb"[0-9]{8,10}:AA[A-Za-z0-9_\-]{33}", rb"[sr]k_live_[A-Za-z0-9]{20}",
        rb"SG\.[A-Za-z0-9_\-]{22}\.", rb"T3BlbkFJ",
        rb"sk-ant-[a-z]{3,6}[0-9]", rb"hf_[A-Za-z]{34}",
        rb"eyJ[A-Za-z0-9_\-]{8,4000}\.eyJ[A-Za-z0-9_\-]{8}", rb"PRIVATE KEY-----",
        rb"PRIVATE KEY BLOCK-----", rb"://[^\s/:@\"'<>]{1,120}:[^\s/:@\"'<>{}$%*]{3,200}@",
    ),
    int(Seen.AGENT): tuple(b"(?i)" + pattern for pattern in AGENT_PATTERNS),
    int(Seen.NOISE): (
        rb"\b(?:[OQo][O0Qo]{6,39}|[Il][Il1i]{6,39}|_{0,8}[lI][_l1I]{7,39}|[OIlo][O0Il1o]{7,39})\b",
    ),
    int(Seen.UNSEEN): (
        rb"\xe2\x80[\x8b-\x8f\xaa-\xae]", rb"\xe2\x81[\xa0-\xaf]", rb"\xef\xbb\xbf", rb"\xc2\xad",
        rb"\xe1\xa0\x8e",
        rb"\xe3\x85\xa4", rb"\xef\xbe\xa0", rb"\xe1\x85[\x9f\xa0]", rb"\xef\xb8[\x80-\x8f]",
        rb"\xf3\xa0[\x80-\x87][\x80-\xbf]",
        rb"\xd8\x9c",
    ),
    int(Seen.MIXED): (
        (rb"[A-Za-z0-9_](?:[\xd0-\xd3][\x80-\xbf]|\xce[\x80-\xbf]|\xcf[\x80-\x8f]|\xef[\xbc\xbd]"
        rb"[\x80-\xbf]|\xf0\x9d[\x90-\x9f][\x80-\xbf])"),
        (rb"(?:[\xd0-\xd3][\x80-\xbf]|\xce[\x80-\xbf]|\xcf[\x80-\x8f]|\xef[\xbc\xbd][\x80-\xbf]"
        rb"|\xf0\x9d[\x90-\x9f][\x80-\xbf])[A-Za-z0-9_]"),
        rb"\xef\xbd[\x80-\x9a]\xef\xbd", rb"\xf0\x9d[\x90-\x9f][\x80-\xbf]\xf0\x9d",
    ),
    int(Seen.FOREIGN): (rb"[\xc3-\xf0][\x80-\xbf]{1,3}[ \t]*[=(\[]",),
    int(Seen.KNOWN): tuple(
        _quoted(text) for table in ("hosts", "texts") for text in load_table("known-bad").get(table, {})
    ),
    int(Seen.SCRIPTING): (
        rb"\beval ?\(", rb"child_process", rb"\batob ?\(", rb"fromCharCode", rb"new Function ?\(",
        rb"process\.env",
        rb"_0x[0-9a-f]{4}", rb"\bexecSync\b", rb"\bspawn(?:Sync)? ?\(", rb"Buffer\.from ?\(",
        rb"unescape ?\(",
        rb"document\.cookie", rb"ethereum|XMLHttpRequest", rb"https\.request|https\.get",
        rb"homedir ?\(",
    ),
}  # fmt: skip


@cache
def _matcher() -> Matcher:
    return best_matcher({bit: patterns for bit, patterns in _PATTERNS.items() if patterns})


@lru_cache(maxsize=1)
def first_pass(data: bytes) -> Seen:
    """What occurs in a content. The last answer is kept, since several analyses ask in a row."""
    return Seen(_matcher().search(data))
