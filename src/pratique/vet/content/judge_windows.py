"""PowerShell and Windows' own tools, asked as text: their syntax hides more than a shell's words can."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final

from pratique.vet.content.command_words import Findings

MAX_ENCODED: Final = 8
"""Encoded scripts read of one text; attacks carry one."""

_JOIN = re.compile(r"['\"]\s?\+\s?['\"]")
_ENCODED = re.compile(
    r"(?<![\w-])[-/](?:e|en|enc|enco|encod|encode|encoded|encodedcommand|ec)\s{1,8}['\"]?"
    r"(?P<text>[A-Za-z0-9+/=]{16,60000})",
    re.IGNORECASE,
)
_FROM_BASE64 = re.compile(
    r"frombase64string\(\s?['\"](?P<text>[A-Za-z0-9+/=]{16,60000})", re.IGNORECASE
)
_HIDDEN = re.compile(r"(?<![\w-])[-/]w(?:in(?:dowstyle)?)?\s{1,4}(?:hid(?:den)?|h|1)(?!\w)")
_BYPASS = re.compile(r"(?<![\w-])[-/]e(?:p|x|xec|xecutionpolicy)\s{1,4}(?:bypass|unrestricted)")

_RUNS: Final = ("iex", "invoke-expression", "start-process", "invoke-item", "invoke-command",
    ".invoke(", "saps ",
                "& $", "cmd /c", "shellexecute", "diagnostics.process", "assembly]::load",
                "start ")  # fmt: skip
_FETCHES: Final = (
    "downloadstring", "downloadfile", "downloaddata", "openread", "invoke-webrequest", "iwr ",
    "irm ", "invoke-restmethod",
    "start-bitstransfer", "webclient", "webrequest", "httpclient", "curl ", "wget ", "xmlhttp",
)  # fmt: skip

# Trait → lower-case texts any of which tells it, with nothing else asked.
_TELLS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("evasion", ("set-mppreference", "add-mppreference", "disablerealtimemonitoring",
    "disableantispyware", "amsiutils",
                 "amsiinitfailed", "amsiscanbuffer", "uninstall-windowsdefender",
                 "stop-service windefend",
                 "clear-eventlog", "netsh advfirewall set", "disableioavprotection", "exclusionpath",
                 "remove-item (get-psreadlineoption)", "consentpromptbehavioradmin", "disabletaskmgr",
                 "disableregistrytools", "hidefileext")),
    ("persistence", ("register-scheduledtask", "new-scheduledtask", "new-service ",
    "schtasks /create", "schtasks.exe /create",
                     "currentversion\\run", "set-wmiinstance", "__eventfilter",
                     "start menu\\programs\\startup",
                     "winlogon\\", "userinit")),
    ("memory-code", ("reflection.assembly]::load", "virtualalloc", "createthread", "writeprocessmemory",
                     "getdelegateforfunctionpointer", "[dllimport", "marshal]::copy")),
    ("surveillance", ("copyfromscreen", "get-clipboard", "getasynckeystate",
    "system.windows.forms.clipboard")),
    ("credential-read", ("cmdkey /list", "vaultcmd", "reg save hklm", "key=clear", "mimikatz",
    "sekurlsa", "lsass",
                         "get-storedcredential", "passwordvault", "protecteddata]::unprotect",
                         "ntds.dit")),
    ("destructive", ("vssadmin delete", "wbadmin delete", "cipher /w", "format c:",
    "recoveryenabled no",
                     "del /f /s /q c:", "rd /s /q c:", "remove-item -recurse -force c:",
                     "del /s /q %userprofile%")),
)  # fmt: skip


def check_powershell(text: str, findings: Findings) -> None:
    """Add what a PowerShell or Windows text does."""
    low = _JOIN.sub("", text.lower().replace("`", "").replace("^", ""))
    for trait, tells in _TELLS:
        for tell in tells:
            if tell in low:
                findings.add(trait, _near(low, tell))
                break
    shell = "powershell" in low or "pwsh" in low
    if shell and (_HIDDEN.search(low) or _BYPASS.search(low)):
        findings.add(
            "powershell-hidden", _near(low, "powershell" if "powershell" in low else "pwsh")
        )
    _fetches(low, findings)
    if "sockets.tcpclient" in low and ("getstream" in low or "iex" in low):
        findings.add("reverse-shell", _near(low, "sockets.tcpclient"))
    if "frombase64string" in low and any(run in low for run in _RUNS):
        findings.add("decode-run", _near(low, "frombase64string"))


def _fetches(low: str, findings: Findings) -> None:
    fetch = next((word for word in _FETCHES if word in low), None)
    if fetch is None or ("://" not in low and "$" not in low and "…" not in low):
        return
    findings.add("download", _near(low, fetch))
    if any(run in low for run in _RUNS):
        findings.add("download-run", _near(low, fetch))
    sends = ("-method post", "uploadstring", "uploadfile", "uploaddata", "-infile", "uploadvalues")
    send = next((word for word in sends if word in low), None)
    if send is not None:
        findings.add("exfiltration", _near(low, send))


def _near(low: str, word: str) -> str:
    at = low.find(word)
    first = max(low.rfind("\n", 0, at) + 1, at - 60)
    return low[first : at + 140].strip()


def encoded_scripts(text: str) -> Iterator[str]:
    """Scripts behind `-enc` (base64 of UTF-16) and `FromBase64String`."""
    for pattern in (_ENCODED, _FROM_BASE64):
        for count, match in enumerate(pattern.finditer(text)):
            if count >= MAX_ENCODED:
                break
            raw = _decoded(match["text"])
            if raw:
                wide = raw[1:40:2].count(0) > len(raw[1:40:2]) // 2
                yield raw.decode("utf-16-le" if wide else "utf-8", "replace")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""
