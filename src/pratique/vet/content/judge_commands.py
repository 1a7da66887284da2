"""What a command does: shell, Windows command lines and PowerShell, one argument or a whole script.

Order: a gate of substrings; then the text is read as pipelines (`shell_words`) and each command is
asked by `command_checks`; substitutions, `sh -c` texts and decoded texts are judged again, to a fixed
depth. PowerShell, whose words are not a shell's, is asked as text (`judge_windows`).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from pratique.vet.content.command_checks import check_command
from pratique.vet.content.command_words import FETCHERS, INTERPRETERS, Findings, name_of, unwrap
from pratique.vet.content.data_tables import load_table
from pratique.vet.content.judge_windows import check_powershell, encoded_scripts
from pratique.vet.content.shell_words import HOLE, MAX_TEXT, Command, decode_escapes, parse_shell
from pratique.vet.safe_text import printable

SHOWN: Final = 200
DEPTH: Final = 4
"""Substitutions in substitutions and decodings in decodings; each level of real cases is one or two."""
MAX_JUDGED: Final = 40
"""Texts judged for one: bounds the product of depth and breadth."""

# A text without any of these words or parts is no command that a trait is about. Lower case.
_NAMES: Final = frozenset(load_table("command-words")["names"]["words"].split())
# Words of ordinary prose: they count where a command starts.
_PROSE: Final = frozenset(load_table("command-words")["starting"]["words"].split())
_STARTING = re.compile(
    r"(?:^|[;&|(`\n])[ \t]{0,8}(?:sudo |nohup |exec )?(?:"
    + "|".join(sorted(_PROSE))
    + r")(?![\w(.=:])"
)
_PARTS: Final = ("/dev/tcp", "/dev/udp", "xmr", "miner", "frombase64", "downloadstring",
    "downloadfile", ":(){", "$ifs", "${",
                 "add-type", "new-object", "ntds", "lsass", "--donate-level",
                 "mppreference")  # fmt: skip
_WORDS = re.compile(r"[a-z0-9_]+")
_HIDERS: Final = str.maketrans("", "", "'\"\\^`")
_WINDOWS: Final = (
    "powershell", "pwsh", "cmd ", "cmd.exe", "cmd/", ".exe", "%appdata%", "%temp%", "%userprofile%",
    "reg add",
    "schtasks", ":\\", "$env:", "iex", "invoke-", "new-object", "taskkill", "rundll", "bitsadmin",
    "certutil",
    "mshta", "wmic", "-encodedcommand", "set-mp", "add-mp", "start-process", "net user", "attrib +",
    "vssadmin",
    "wevtutil", "get-", "[system.", "[convert]", "[net.",
)  # fmt: skip
_DECODERS: Final = frozenset({"base64", "gbase64", "xxd", "openssl", "rev", "tr", "gunzip", "zcat",
    "printf", "uudecode",
                              "base32", "bzcat", "xzcat"})  # fmt: skip
_DECODE_FLAGS: Final = frozenset({"-d", "-D", "--decode", "-di", "-r", "-rp", "-ps", "-p", "-a"})
_SHELLS: Final = frozenset({"sh", "bash", "zsh", "dash", "ksh", "ash", "fish"})


def judge_command(text: str, *, windows: bool = False) -> tuple[tuple[str, str], ...]:
    """What a command or script does: (trait, the part that does it) pairs, each trait once.

    Shape: one line, or a script; arguments of a list are to be joined by blanks. Holes ("…") are kept.
    `windows`: it is known to be for Windows; otherwise its words tell.
    """
    if not _worth(text):
        return ()
    findings = Findings()
    _judge(text[:MAX_TEXT], findings, DEPTH, windows=windows)
    return tuple((trait, printable(shown, SHOWN)) for trait, shown in findings.traits.items())


_WALLET = re.compile(r"(?:^|[\s=\"'])[48][1-9A-HJ-NP-Za-km-z]{94}(?![0-9A-Za-z])")
"""A Monero address: what a miner earns for."""
_POOL = re.compile(r"(?:^|[\s/=\"'@])[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}:\d{2,5}(?!\d)")
"""A host with a port: where it works."""


def _worth(text: str) -> bool:
    low = text[:MAX_TEXT].lower()
    if _WALLET.search(text[:MAX_TEXT]):
        return True
    words = _WORDS.findall(low)
    if not _NAMES.isdisjoint(words) or any(part in low for part in _PARTS) or "$'" in low:
        return True
    if not _PROSE.isdisjoint(words) and _STARTING.search(low):
        return True
    plain = low.translate(_HIDERS)  # quotes and escapes inside words hide them
    return len(plain) != len(low) and not _NAMES.isdisjoint(_WORDS.findall(plain))


def _judge(text: str, findings: Findings, depth: int, *, windows: bool = False) -> None:
    if depth <= 0 or findings.judged >= MAX_JUDGED or not text.strip():
        return
    findings.judged += 1
    low = text.lower().replace("^", "")
    windows = windows or any(mark in low for mark in _WINDOWS)
    if windows:
        check_powershell(text, findings)
        for inner in encoded_scripts(text):
            findings.add("powershell-encoded", inner)
            _judge(inner, findings, depth - 1)
    _whole_text(text, low, findings)
    script = parse_shell(text, windows=windows)
    for pipeline in script.pipelines:
        _pipeline(pipeline, findings, depth)


def _whole_text(text: str, low: str, findings: Findings) -> None:
    """What shows best before the text is taken apart."""
    for mark in ("/dev/tcp/", "/dev/udp/"):
        if mark in low:
            findings.add("reverse-shell", _line(text, low.find(mark)))
    if ":(){" in low.replace(" ", ""):
        findings.add("destructive", text)
    if "mkfifo" in low and any(k in low for k in ("nc ", "ncat", "telnet", "openssl", "netcat")):
        findings.add("reverse-shell", _line(text, low.find("mkfifo")))
    if "stratum+tcp" in low or "stratum+ssl" in low or "--donate-level" in low:
        findings.add("miner", _line(text, max(low.find("stratum"), low.find("--donate-level"))))
    elif (wallet := _WALLET.search(text)) and _POOL.search(text):
        findings.add("miner", _line(text, wallet.start()))


def _line(text: str, at: int) -> str:
    begin = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    return text[max(begin, at - SHOWN // 2) : len(text) if end < 0 else min(end, at + SHOWN)]


def _pipeline(pipeline: list[Command], findings: Findings, depth: int) -> None:
    passed = _Passed()
    whole = " | ".join(part.text for part in pipeline)
    for command in pipeline:
        words = unwrap(command.words)
        name = name_of(words)
        if command.hidden and (name in _NAMES or name in _PROSE or name in INTERPRETERS):
            findings.add("hidden-words", whole)
        if name in INTERPRETERS and _reads_input(words):
            if passed.fetched:
                findings.add("download-run", whole)
            if passed.decoded:
                findings.add("decode-run", whole)
            inner = _decode(pipeline, passed.source) if passed.decoded else passed.source
            _judge(inner, findings, depth - 1)
        passed.take(words, name)
        check_command(command, words, name, findings, whole=whole)
        _nested(command, words, name, findings, depth)
    if len(pipeline) > 1:
        _flows(pipeline, findings)


@dataclass(slots=True)
class _Passed:
    """What the commands so far hand to the next one."""

    fetched: bool = False
    decoded: bool = False
    source: str = ""
    """The text that `echo` or `printf` began with."""

    def take(self, words: list[str], name: str) -> None:
        if name in FETCHERS:
            self.fetched = True
        if name in _DECODERS and (name in {"rev", "printf"} or _DECODE_FLAGS.intersection(words)):
            self.decoded = True
        if name in {"echo", "printf"}:
            self.source = decode_escapes(" ".join(w for w in words[1:] if not w.startswith("-")))


def _reads_input(words: list[str]) -> bool:
    """Whether an interpreter reads its program from the pipe: no script is named."""
    arguments = [w for w in words[1:] if not w.startswith("-") or w == "-"]
    return not arguments or arguments[0] in {"-", "/dev/stdin"} or "-s" in words


def _nested(command: Command, words: list[str], name: str, findings: Findings, depth: int) -> None:
    runs_text = name in INTERPRETERS or name in {"eval", "source", ".", "cmd", "exec"}
    for inner in command.nested:
        first = parse_shell(inner[:MAX_TEXT]).pipelines[:1]
        names = {name_of(unwrap(part.words)) for pipeline in first for part in pipeline}
        # A substitution that is itself the command word runs what it prints, too.
        runs = runs_text or (words[:1] == [HOLE])
        if runs and names & FETCHERS:
            findings.add("download-run", f"{command.text} ← {inner}")
        elif runs and names & _DECODERS:
            findings.add("decode-run", f"{command.text} ← {inner}")
            if first:
                source = next((part.text.partition(" ")[2] for part in first[0]), "")
                _judge(_decode(first[0], source), findings, depth - 1)
        _judge(inner, findings, depth - 1)
    if name in _SHELLS or name in {"cmd", "su", "eval", "wsl", "busybox"}:
        for index, word in enumerate(words[1:], start=1):
            if (
                word.lower() in {"-c", "/c", "/k", "-lc", "-ic", "-xc", "-ec", "/q/c"}
                or name == "eval"
            ):
                rest = words[index:] if name == "eval" else words[index + 1 :]
                _judge(" ".join(rest), findings, depth - 1)
                break


def _decode(pipeline: list[Command], source: str) -> str:
    """What an `echo … | base64 -d` comes to, when it is a constant."""
    names = [name_of(unwrap(command.words)) for command in pipeline]
    compact = re.sub(r"\s+", "", source)
    try:
        if "base64" in names or "gbase64" in names or "openssl" in names:
            return base64.b64decode(compact + "=" * (-len(compact) % 4)).decode("utf-8", "replace")
        if "xxd" in names:
            return bytes.fromhex(compact).decode("utf-8", "replace")
        if "base32" in names:
            return base64.b32decode(compact + "=" * (-len(compact) % 8)).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""
    return source[::-1] if "rev" in names else source


def _flows(pipeline: list[Command], findings: Findings) -> None:
    """What one command hands the next: data into the network."""
    whole = " | ".join(command.text for command in pipeline)
    first = [name_of(unwrap(command.words)) for command in pipeline]
    sends = {"curl", "wget", "nc", "ncat", "netcat", "socat", "telnet", "ssh", "openssl", "ftp"}
    for index, name in enumerate(first[1:], start=1):
        if name not in sends or len(pipeline[index].words) == 1:
            continue
        text = pipeline[index].text
        takes = name != "curl" or "@-" in text or "-T" in pipeline[index].words
        if takes and first[0] not in {"echo", "yes", "printf"} and name != "wget":
            findings.add("exfiltration", whole)
