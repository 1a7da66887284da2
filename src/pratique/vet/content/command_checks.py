"""What one simple command does, by its name and its words."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pratique.vet.content.judge_paths import judge_path
from pratique.vet.content.shell_words import HOLE, Command

FETCHERS: Final = frozenset({"curl", "wget", "wget2", "aria2c", "axel", "lwp-download", "lwp-request", "fetch", "http",
                             "https", "curlie", "xh"})  # fmt: skip
INTERPRETERS: Final = frozenset({
    "sh", "bash", "zsh", "dash", "ksh", "ash", "fish", "python", "python2", "python3", "pypy3", "perl", "ruby", "node",
    "php", "pwsh", "powershell", "lua", "bun", "deno", "osascript", "eval", "source", ".", "iex", "tclsh", "nodejs",
})  # fmt: skip
_WRAPPERS: Final = frozenset({
    "sudo", "nohup", "exec", "command", "time", "setsid", "nice", "ionice", "busybox", "xargs", "stdbuf", "doas", "then",
    "do", "else", "if", "elif", "while", "until", "!", "{", "builtin", "unbuffer", "catchsegv", "proxychains", "torify",
    "timeout", "env", "start", "call", "@echo", "&", "winpty", "caffeinate", "daemonize", "run",
})  # fmt: skip
PROSAIC: Final = frozenset("""
    set at start format type head copy import source find last w id host ping touch export exec service reg net ps del
    fetch move cat tail history env security q git node passwd http https ftp sftp telnet axel python ruby perl amp
    security aws vault route import install open screen who zip tar unset cron
""".split())
"""Commands whose names are words of prose: they count in lower case only."""
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w{0,60}=")
_NUMBER = re.compile(r"\d+[smhd]?")
MAX_FETCHED: Final = 32
"""Names of fetched files that are remembered."""

_CREDENTIALS: Final = frozenset({
    "ssh-key", "cloud-credential", "cluster-credential", "package-token", "git-credential", "vault-token", "env-file",
    "account-file", "shell-history", "browser-store", "wallet", "messenger-token", "password-manager",
    "agent-credential", "ci-secret",
})  # fmt: skip
_PERSISTENT: Final = frozenset({"autostart", "shell-startup", "ssh-access", "python-startup", "developer-hook"})
_READERS: Final = frozenset({"cat", "cp", "tar", "zip", "head", "tail", "base64", "grep", "egrep", "rg", "find", "type",
                             "less", "more", "xxd", "strings", "sqlite3", "7z", "rsync", "scp", "gpg", "awk", "sed",
                             "copy", "xcopy", "robocopy", "mv", "dd", "od", "curl", "wget", "nc", "cut"})  # fmt: skip


@dataclass(slots=True)
class Findings:
    """What was found so far in one text; shared by all its nested texts."""

    traits: dict[str, str] = field(default_factory=dict)
    fetched: set[str] = field(default_factory=set)
    """Base names of files that were fetched."""
    judged: int = 0

    def add(self, trait: str, shown: str) -> None:
        """Keep the first place of each trait."""
        self.traits.setdefault(trait, shown)


def unwrap(words: list[str]) -> list[str]:
    """Without what stands before a command: assignments, `sudo -E`, `nohup`, `timeout 5`."""
    index = 0
    wrapped = ""
    while index < len(words):
        word = words[index]
        low = word.lower()
        if low in _WRAPPERS and len(words) > index + 1:
            wrapped = low
        elif _ASSIGNMENT.match(word) and not word.startswith("-"):
            pass
        elif wrapped and (word.startswith("-") or (wrapped in {"timeout", "nice"} and _NUMBER.fullmatch(word))):
            pass
        elif wrapped == "start" and (word.startswith("/") or word == ""):
            pass
        else:
            break
        index += 1
    return words[index:]


def name_of(words: list[str]) -> str:
    """The command's name: no folder, no `.exe`, no version (`python3.11` is `python3`)."""
    if not words:
        return ""
    word = words[0].lower().lstrip("@(").replace("\\", "/")
    name = word.rpartition("/")[2] if word not in {".", "/"} else word
    name = name.removesuffix(".exe").removesuffix(".com")
    if name in PROSAIC and words[0] != word:
        return words[0]  # "Fetch the page", "At last": prose, whatever a careless system would run
    if name.startswith("python3."):
        return "python3"
    return name if name else word


def check_command(
    command: Command, words: list[str], name: str, findings: Findings, *, piped: bool, whole: str
) -> None:
    """Add what this command does. `piped`: another command's output is its input."""
    text = " ".join(words)
    check = _BY_NAME.get(name)
    if check is not None:
        check(words, text, findings)
    _runs_fetched(words, name, text, findings)
    _writes(command, name, text, findings)
    if name in _READERS or any(operator == "<" for operator, _ in command.redirects):
        _reads(command, text, findings)
    if name in INTERPRETERS:
        _inline(words, name, findings)
    if name in FETCHERS and command.nested:
        joined = f"{text} ← {' ; '.join(command.nested)}"
        if not _prints_only(command.nested):
            findings.add("exfiltration", joined)
    if name in {"nslookup", "dig", "host", "ping"} and (command.nested or _data_in_name(words)):
        findings.add("dns-exfiltration", whole)
    if name == "set" and len(words) == 1 and (whole != text or command.redirects):
        findings.add("environment-dump", whole)


def _prints_only(nested: list[str]) -> bool:
    """`curl …/$(uname -s)` picks a download and tells nothing secret."""
    harmless = ("uname", "arch", "date", "dpkg --print-architecture", "getconf", "lsb_release", "rpm ", "echo", "basename",
                "dirname", "nproc", "cat version", "git describe", "git rev-parse", "pwd", "curl ", "mktemp")  # fmt: skip
    return all(text.strip().lower().startswith(harmless) for text in nested)


_DATA_NAME = re.compile(rf"{HOLE}(?:\.[A-Za-z0-9{HOLE}-]{{1,63}}){{2,8}}\.?")


def _data_in_name(words: list[str]) -> bool:
    """Something unknown below a name of two labels or more: `….collect.example`."""
    return len(words) <= MAX_LOOKUP_WORDS and any(_DATA_NAME.search(word) for word in words[1:])


MAX_LOOKUP_WORDS: Final = 6
"""Words of a lookup; a sentence that begins with "host" has more."""


# ── fetching and running ─────────────────────────────────────────────────────────────────────

_OUTPUTS: Final = frozenset({"-o", "--output", "-O", "--output-document", "-out", "-OutFile", "-outfile", "-d"})


def _fetch(words: list[str], text: str, findings: Findings) -> None:
    low = text.lower()
    names = _fetched_names(words)
    if "://" in text or HOLE in text or "." in text:
        findings.add("download", text)
        findings.fetched |= set(list(names)[:MAX_FETCHED])
    uploads = any(
        word in {"-F", "--form", "-T", "--upload-file"}
        or word.startswith(("--post-file", "--body-file", "-F", "--upload-file="))
        for word in words
    )
    data = [
        after
        for word, after in zip(words, words[1:], strict=False)
        if word in {"-d", "--data", "--data-binary", "--data-raw", "--data-urlencode", "-F", "--form", "-T",
                    "--post-data", "--json"}
    ]  # fmt: skip
    data += [w.partition("=")[2] for w in words if w.startswith(("--data", "--post-data=", "--form="))]
    if words[0].lower().endswith(("curl", "curl.exe")) and any(w.startswith("-d@") or w.startswith("-T") for w in words):
        findings.add("exfiltration", text)
    if any("@" in value and not value.startswith("{") for value in data) or (uploads and "@" in text):
        findings.add("exfiltration", text)
    elif data or uploads or "-x post" in low or "--post" in low:
        findings.add("upload", text)
    if "| " not in text and ("--insecure" in low or " -k " in f" {low} ") and "://" in text:
        findings.add("unchecked-download", text)


def _fetched_names(words: list[str]) -> set[str]:
    names = set()
    for word, after in zip(words, words[1:], strict=False):
        if word in _OUTPUTS or re.fullmatch(r"-[a-zA-Z]{0,6}[oO]", word):
            names.add(_base(after))
    for word in words[1:]:
        if word.startswith("--output="):
            names.add(_base(word.partition("=")[2]))
        elif "://" in word:
            names.add(_base(word.partition("?")[0]))
        elif word.startswith("-o") and len(word) > 2:  # noqa: PLR2004 - `-oNAME`
            names.add(_base(word[2:]))
    return {name for name in names if name not in {"", "-", HOLE}}


def _base(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2].strip("\"'")


def _runs_fetched(words: list[str], name: str, text: str, findings: Findings) -> None:
    if not findings.fetched or name in FETCHERS or not words:
        return
    arguments = {_base(word) for word in words[1:4]}
    first = _base(words[0])
    runner = name in INTERPRETERS or name in {
        "open", "xdg-open", "start", "rundll32", "msiexec", "installer", "chmod", "cmd", "java", "mono", "wine",
        "regsvr32", "dpkg", "rpm", "insmod", "launchctl", "bat", "wscript", "cscript",
    }  # fmt: skip
    if first in findings.fetched or (runner and arguments & findings.fetched):
        findings.add("download-run", text)


_INLINE: Final = ("exec(", "eval(", "base64", "socket", "urllib", "requests", "__import__", "compile(", "marshal",
                  "zlib", "subprocess", "pty.", "fsockopen", "child_process", "atob(", "net.connect", "tcpsocket",
                  "b64decode", "fromcharcode", "https.get")  # fmt: skip
_SHELLING: Final = ("dup2", "pty.spawn", "/bin/sh", "/bin/bash", "cmd.exe", "subprocess", "exec ", "exec(", "spawn(")


def _inline(words: list[str], name: str, findings: Findings) -> None:
    for word, after in zip(words[1:], words[2:], strict=False):
        if word in {"-c", "-e", "-r", "-E", "--eval", "-ne", "-pe"} or re.fullmatch(r"-[A-Za-z]{0,4}[ce]", word):
            low = " ".join(words[words.index(word) + 1 :]).lower()
            if name not in {"sh", "bash", "zsh", "dash", "ksh", "ash"} and any(m in low for m in _INLINE):
                findings.add("inline-code", f"{name} {word} {after}")
            network = "socket" in low or "fsockopen" in low or "net.connect" in low
            if network and any(mark in low for mark in _SHELLING):
                findings.add("reverse-shell", f"{name} {word} {after}")
            return


# ── reading, writing ─────────────────────────────────────────────────────────────────────────


def _reads(command: Command, text: str, findings: Findings) -> None:
    targets = [target for operator, target in command.redirects if operator == "<"]
    for trait, shown in judge_path(" ".join([text, *targets])):
        if trait in _CREDENTIALS:
            findings.add("credential-read", f"{text} ({shown})")
            return
    if "find" in text.split()[:2] and re.search(r"\*?\.(?:pem|key|p12|pfx|kdbx|env|ppk|wallet)\b", text):
        findings.add("credential-read", text)


def _writes(command: Command, name: str, text: str, findings: Findings) -> None:
    targets = [target for operator, target in command.redirects if operator.startswith(">")]
    if name in {"tee", "cp", "mv", "install", "ln", "copy", "xcopy", "sed", "move"}:
        targets += command.words[1:]
    if not targets:
        return
    joined = " ".join(targets)
    for trait, _shown in judge_path(joined):
        if trait in _PERSISTENT:
            findings.add("persistence", f"{text} > {joined}")
    if name in {"cp", "mv", "tee"} and any(t.startswith(("/etc/", "/usr/bin", "/usr/local/bin")) for t in targets[1:]):
        findings.add("system-write", text)


# ── by name ──────────────────────────────────────────────────────────────────────────────────

Check = Callable[[list[str], str, Findings], None]


def _always(trait: str) -> Check:
    def check(_words: list[str], text: str, findings: Findings) -> None:
        findings.add(trait, text)

    return check


def _given(trait: str) -> Check:
    """Only with arguments: alone it is a word."""

    def check(words: list[str], text: str, findings: Findings) -> None:
        if len(words) > 1:
            findings.add(trait, text)

    return check


def _when(*rules: tuple[str, tuple[str, ...]]) -> Check:
    """For each trait the texts (regular expressions on the lower-case command) that tell it."""
    compiled = [(trait, [re.compile(p) for p in patterns]) for trait, patterns in rules]

    def check(_words: list[str], text: str, findings: Findings) -> None:
        low = text[:1000].lower()  # options stand in front; bounds the patterns
        for trait, patterns in compiled:
            if any(pattern.search(low) for pattern in patterns):
                findings.add(trait, text)

    return check


def _netcat(words: list[str], text: str, findings: Findings) -> None:
    if len(words) == 1:
        return
    flags = [word for word in words[1:] if word.startswith("-")]
    if any(re.fullmatch(r"-[a-z]*[ec][a-z]*|--(?:sh-)?exec.*", flag) for flag in flags):
        findings.add("reverse-shell", text)
    elif any("-l" in flag and not flag.startswith("--") for flag in flags):
        findings.add("listens", text)
    else:
        findings.add("raw-connection", text)


def _shell(words: list[str], text: str, findings: Findings) -> None:
    if "-i" in words and (">&" in text or "/dev/" in text):
        findings.add("reverse-shell", text)


def _remove(words: list[str], text: str, findings: Findings) -> None:
    flags = "".join(word for word in words[1:] if word.startswith("-"))
    targets = [word for word in words[1:] if not word.startswith("-")]
    wide = {"/", "/*", "~", "~/", "~/*", "$HOME", "/home", "/home/*", "/etc", "/usr", "/var", "/boot", "C:\\", "c:\\", "/root"}  # fmt: skip
    if "no-preserve-root" in flags or (re.search(r"[rRf]", flags) and wide & set(targets)):
        findings.add("destructive", text)
    if any("/var/log" in target or "_history" in target for target in targets):
        findings.add("evasion", text)


_SAFE_TARGETS: Final = re.compile(r"(?:\.|\./|-e|\.\[)")


def _install(words: list[str], text: str, findings: Findings) -> None:
    low = text.lower()
    if not re.search(r"\b(?:install|add|i|download)\b", low[:200]):
        return
    elsewhere = ("-i ", "--index-url", "--extra-index-url", "--find-links", "--trusted-host", "git+", "://", "--registry",
                 "--index", "--source")  # fmt: skip
    if any(mark in f"{low} " for mark in elsewhere):
        findings.add("install-from-elsewhere", text)
    wanted = [w for w in words[1:] if not w.startswith("-")]
    names = wanted[wanted.index("install") + 1 :] if "install" in wanted else wanted[1:]
    local = {"-r", "-e", "--requirement", "--editable", "-c"} & set(words)
    if any(not name.startswith((".", "/")) and "requirements" not in name for name in names) and not local:
        findings.add("install-package", text)


def _python(words: list[str], text: str, findings: Findings) -> None:
    if words[1:3] in (["-m", "pip"], ["-m", "uv"], ["-m", "pipx"]):
        _install(words[2:], text, findings)
    elif words[1:3] in (["-m", "http.server"], ["-m", "SimpleHTTPServer"]):
        findings.add("listens", text)


def _uv(words: list[str], text: str, findings: Findings) -> None:
    if words[1:2] in (["pip"], ["add"], ["tool"]):
        _install(words, text, findings)


def _environment(words: list[str], text: str, findings: Findings) -> None:
    if len(words) == 1 or words[1:] in (["-p"], ["-0"]):
        findings.add("environment-dump", text)


def _cron(words: list[str], text: str, findings: Findings) -> None:
    if "-l" not in words and "-h" not in words:
        findings.add("persistence", text)


_SECURITY_SERVICES = r"(?:auditd|rsyslog|falcon|firewalld|apparmor|iptables|syslog|clamav|crowdstrike|osqueryd|wazuh|sysmon)"
_RECON = _always("recon")

_BY_NAME: Final[dict[str, Check]] = {
    **dict.fromkeys(FETCHERS, _fetch),
    **dict.fromkeys(("nc", "ncat", "netcat", "nc.traditional", "nc.openbsd"), _netcat),
    **dict.fromkeys(("sh", "bash", "zsh", "dash", "ksh"), _shell),
    **dict.fromkeys(("pip", "pip3", "pipx", "npm", "pnpm", "yarn", "gem", "easy_install", "bun", "conda", "cargo"), _install),
    **dict.fromkeys(("python", "python3", "python2", "py"), _python),
    "uv": _uv,
    **dict.fromkeys(
        ("whoami", "uname", "systeminfo", "ifconfig", "ipconfig", "sw_vers", "lscpu", "hostname", "id", "netstat", "tasklist",
         "arp", "lsb_release", "dmidecode", "hostnamectl", "ss", "lsof", "quser", "getmac", "system_profiler", "nltest",
         "ioreg", "lspci", "lsusb"), _RECON),
    "ps": _when(("recon", (r"-?[aef]*[aef][ux]",))),
    "ip": _when(("recon", (r"\bip (?:a|addr|address|route|r|link)\b",))),
    "net": _when(("recon", (r"\bnet (?:user|localgroup|view|group|config|share|accounts)\b",)),
                 ("account", (r"\bnet (?:user|localgroup) .*/add",)), ("evasion", (r"\bnet stop",))),
    "wmic": _when(("recon", (r"\bget\b", r"csproduct", r"bios", r"diskdrive")), ("living-off-land", (r"process call create",)),
                  ("destructive", (r"shadowcopy delete",))),
    "dscl": _RECON,
    "socat": _when(("reverse-shell", (r"exec:", r"system:", r"pty")), ("raw-connection", (r"tcp|udp|openssl",))),
    "telnet": _given("raw-connection"),
    "openssl": _when(("raw-connection", (r"s_client",)), ("encrypts", (r"\benc\b.*-(?:aes|pbkdf2|e\b)", r"pkeyutl|rsautl"))),
    "crontab": _cron,
    "systemctl": _when(("persistence", (r"\benable\b", r"--user .*start", r"daemon-reload")),
                       ("evasion", (rf"\b(?:stop|disable|mask)\b.*{_SECURITY_SERVICES}",))),
    "service": _when(("evasion", (rf"{_SECURITY_SERVICES}.*\bstop\b",))),
    "loginctl": _when(("persistence", (r"enable-linger",))),
    "launchctl": _when(("persistence", (r"\b(?:load|bootstrap|enable|submit|start)\b",))),
    "update-rc.d": _given("persistence"), "chkconfig": _given("persistence"),
    "at": _when(("persistence", (r"^at (?:-[fmt]\b|now\b|\d|noon|midnight|teatime|tomorrow)",))),
    "reg": _when(("persistence", (r"\badd\b.*currentversion[\\/]+(?:run|policies)", r"\badd\b.*winlogon",
                                  r"\badd\b.*\bshell[\\/]+open")),
                 ("evasion", (r"disableantispyware|disabletaskmgr|enablelua|disableregistrytools|windows defender",)),
                 ("credential-read", (r"\b(?:save|export)\b.*(?:sam|security|system)\b",)),
                 ("recon", (r"\bquery\b",))),
    "schtasks": _when(("persistence", (r"/create|/run",))),
    "sc": _when(("persistence", (r"\bcreate\b",)), ("evasion", (r"\b(?:stop|delete|config)\b.*(?:windefend|sense|wuauserv)",))),
    "certutil": _when(("living-off-land", (r"-?/?urlcache|-?/?verifyctl|-?/?decode",)), ("download", (r"urlcache",))),
    "bitsadmin": _always("living-off-land"),
    **dict.fromkeys(("mshta", "cmstp", "installutil", "regasm", "msbuild"), _when(("living-off-land", (r"http|javascript|vbscript|\.(?:hta|inf|dll)|…",)))),
    "regsvr32": _always("living-off-land"),
    "rundll32": _when(("living-off-land", (r",|javascript|url\.dll|\.dll",))),
    "msiexec": _when(("living-off-land", (r"/[iqp].*(?:http|…)",))),
    **dict.fromkeys(("wscript", "cscript"), _always("living-off-land")),
    "security": _when(("credential-read", (r"find-(?:generic|internet)-password|dump-keychain|export|unlock-keychain",))),
    "gh": _when(("credential-read", (r"auth (?:token|status)",)), ("publish", (r"repo create|gist create|secret set|release upload",))),
    "git": _when(("credential-read", (r"credential (?:fill|approve)|config .*--get .*(?:token|credential)",)),
                 ("persistence", (r"core\.(?:hookspath|fsmonitor|sshcommand)",)), ("publish", (r"\bpush\b",))),
    "gcloud": _when(("credential-read", (r"print-(?:access|identity)-token|secrets versions access",))),
    "aws": _when(("credential-read", (r"get-secret-value|list-secrets|sts get|configure (?:get|export)|get-parameter|iam list",)),
                 ("upload", (r"s3 (?:cp|sync|mv) (?!s3:)",))),
    "az": _when(("credential-read", (r"get-access-token|keyvault secret (?:show|list)|account list",))),
    "kubectl": _when(("credential-read", (r"get secrets?\b|config view .*--raw|create token",)),
                     ("container-escape", (r"--overrides.*privileged|apply|create -f",)), ("recon", (r"\bget (?:pods|nodes|all)",))),
    "vault": _when(("credential-read", (r"kv get|\bread\b|token lookup",))),
    "secret-tool": _always("credential-read"), "trufflehog": _always("credential-read"), "gitleaks": _always("credential-read"),
    "cmdkey": _always("credential-read"), "mimikatz": _always("credential-read"), "lazagne": _always("credential-read"),
    "env": _environment, "printenv": _environment,
    "export": _when(("environment-dump", (r"^export(?: -p)?$",)), ("evasion", (r"histfile=/dev/null|histsize=0|histfilesize=0",))),
    "unset": _when(("evasion", (r"histfile|prompt_command",))),
    "history": _when(("evasion", (r"-c",))),
    "setenforce": _always("evasion"), "ufw": _when(("evasion", (r"disable|allow",))),
    "iptables": _when(("evasion", (r"-f\b|--flush|accept",))),
    "netsh": _when(("evasion", (r"advfirewall.*(?:off|disable|allow|add rule)",)), ("credential-read", (r"wlan .*key=clear",))),
    "xattr": _when(("evasion", (r"-[dcr]+ .*quarantine|-c",))), "spctl": _when(("evasion", (r"disable",))),
    "csrutil": _when(("evasion", (r"disable",))), "auditctl": _when(("evasion", (r"-e 0|-d",))),
    "wevtutil": _when(("evasion", (r"\bcl\b|clear-log",))), "attrib": _when(("evasion", (r"\+[hs]",))),
    "chattr": _when(("evasion", (r"\+[ai]",))), "touch": _when(("evasion", (r"-r |-t \d",))),
    "taskkill": _when(("kill-process", (r"/im|/f",))), "pkill": _always("kill-process"), "killall": _always("kill-process"),
    "rm": _remove, "shred": _always("destructive"), "wipe": _always("destructive"),
    "dd": _when(("destructive", (r"of=/dev/(?:sd|nvme|hd|disk|vd)",))),
    "vssadmin": _when(("destructive", (r"delete",))), "bcdedit": _when(("destructive", (r"recoveryenabled|safeboot",))),
    "format": _when(("destructive", (r"\b[a-z]:",))), "diskutil": _when(("destructive", (r"erase",))),
    **dict.fromkeys(("del", "erase", "rd", "rmdir"), _when(("destructive", (r"/[sq].*(?:c:\\|%userprofile%|%systemdrive%|\*\.\*)",)))),
    "find": _when(("destructive", (r"(?:^find (?:/|~|\$home)\S* .*-delete)",))),
    **dict.fromkeys(("xmrig", "minerd", "cpuminer", "ethminer", "nbminer", "t-rex", "lolminer", "xmr-stak", "ccminer"), _always("miner")),
    **dict.fromkeys(("mkfs", "mkfs.ext4", "mkfs.xfs"), _always("destructive")),
    "chmod": _when(("privilege", (r"\bu?\+s\b|[ug]+\+s|\b[2467]7[57][57]\b",)), ("makes-executable", (r"\+x|\b0?[57][0-7]{2}\b",))),
    "visudo": _always("privilege"), "usermod": _given("account"), "useradd": _given("account"), "adduser": _given("account"),
    "passwd": _given("account"), "chpasswd": _always("account"),
    "insmod": _always("privilege"), "modprobe": _always("privilege"), "setcap": _always("privilege"),
    "nsenter": _always("container-escape"),
    "docker": _when(("container-escape", (r"--privileged|-v /:|--pid[= ]host|docker\.sock",))),
    "podman": _when(("container-escape", (r"--privileged|-v /:",))),
    **dict.fromkeys(("claude", "gemini", "codex", "q", "aider", "cursor-agent", "amp", "copilot"),
                    _when(("agent-cli", (r"--dangerously|--yolo|--trust-all|--full-auto|-p |--print|exec|--allow-all",)))),
    "twine": _when(("publish", (r"upload",))), "flit": _when(("publish", (r"publish",))), "poetry": _when(("publish", (r"publish",))),
    **dict.fromkeys(("screencapture", "scrot", "pbpaste", "xclip", "xsel", "import", "ffmpeg", "arecord", "wl-paste"),
                    _when(("surveillance", (r"^screencapture|^scrot|^pbpaste|-o\b|root|avfoundation|x11grab|dshow|^arecord|^wl-paste",)))),
    "osascript": _when(("living-off-land", (r"do shell script|login item|display dialog.*(?:password|hidden answer)|keystroke",)),
                       ("credential-read", (r"hidden answer|password",))),
    **dict.fromkeys(("scp", "sftp", "ftp", "tftp", "rclone"), _given("upload")),
    "rsync": _when(("upload", (r"\w@[\w.…-]+:|rsync://",))),
    "ssh": _when(("tunnel", (r"-r\b.*\d|stricthostkeychecking[= ]no|-d \d",))),
    **dict.fromkeys(("ngrok", "cloudflared", "frpc", "chisel", "bore", "ligolo", "localtunnel", "lt", "tailscale"),
                    _when(("tunnel", (r"\btunnel\b|\bhttps?\b|\btcp\b|client|--port|-c |local|up\b",)))),
}  # fmt: skip
