"""Looks around first: does somebody watch, and is this the right victim?"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.vet.analyses import roles
from pratique.vet.analyses.kit import PythonAnalysis, Rule, trait
from pratique.vet.analyses.reading import Reading
from pratique.vet.analyses.signs import Signs
from pratique.vet.model import Confidence, Severity, Sign
from pratique.vet.python.model import Call

RULE = Rule(
    name="anti-analysis",
    title="Checks whether it is being watched",
    techniques=("T1497.001", "T1497.003", "T1622", "T1480", "T1562.001"),
    what="Looks for virtual machines, sandboxes, debuggers, analysis tools, certain users, "
    "countries or build servers, waits long before it acts, or stops watching tools.",
    danger="Only code with something to hide behaves differently when it is looked at.",
    benign="Licence protection, hardware inventory and debuggers make some of these checks; "
    "waiting is ordinary in services.",
    traits={
        "machine": trait(
            "looks for signs of a virtual machine or sandbox", Severity.HIGH, Confidence.MEDIUM
        ),
        "tools": trait("looks for or stops analysis tools", Severity.HIGH, Confidence.HIGH),
        "debugger": trait("checks for a debugger", Severity.MEDIUM, Confidence.LOW),
        "victims": trait(
            "compares user, host or hardware with a list of known analysts", Severity.CRITICAL,
            Confidence.HIGH,
        ),
        "hardware": trait(
            "asks for memory, disk, cores or uptime and may leave", Severity.LOW, Confidence.LOW
        ),
        "country": trait("asks for the country or language", Severity.MEDIUM, Confidence.LOW),
        "build-server": trait(
            "checks for a build server and has something to send or start", Severity.LOW, Confidence.LOW
        ),
        "delay": trait("waits long before it acts", Severity.LOW, Confidence.LOW),
        "leaves": trait(
            "ends without a word after a check, and otherwise acts", Severity.MEDIUM, Confidence.LOW
        ),
        "defences": trait(
            "switches off defences of the system", Severity.CRITICAL, Confidence.HIGH
        ),
    },
)  # fmt: skip

_MACHINES = (
    "vboxservice", "vboxtray", "vmtoolsd", "vmwareuser", "vmwaretray", "vmsrvc", "qemu-ga", "xenservice",
    "sbiedll", "vmcheck.dll", "vboxmouse", "vmmouse", "joeboxcontrol", "sandboxie", "cuckoo", "vboxguest",
    "virtualbox guest", "hypervisorpresent", "vm3dgl", "vmware tools", "vboxhook",
)  # fmt: skip
_TOOLS = (
    "wireshark", "processhacker", "process hacker", "procmon", "procexp", "ollydbg", "x64dbg", "x32dbg",
    "x96dbg", "idaq", "ida64", "fiddler", "httpdebugger", "tcpview", "autoruns", "dumpcap", "pestudio",
    "regmon", "ksdumper", "cheatengine", "charles.exe", "httptoolkit", "dnspy", "ghidra", "windbg",
)  # fmt: skip
_ANALYSTS = (
    "wdagutilityaccount", "desktop-nakffmt", "win-5e07cos9alr", "b30f0242", "desktop-1pykp29",
    "00:0c:29", "00:05:69", "08:00:27", "00:1c:14", "00:50:56", "00:15:5d", "johnson miller", "bee7370c",
)  # fmt: skip
"""Public lists of accounts, host names and MAC prefixes of analysis machines, as code carries them."""
_DEFENCES = (
    "DisableRealtimeMonitoring", "Add-MpPreference", "Set-MpPreference", "DisableAntiSpyware",
    "netsh advfirewall set", "netsh firewall set", "setenforce 0", "ufw disable", "sc stop WinDefend",
    "amsi.dll", "AmsiScanBuffer", "EtwEventWrite", "spctl --master-disable", "EnableLUA",
    "RemoveDefinitions", "ExclusionPath", "vssadmin delete", "wevtutil cl",
)  # fmt: skip
_HARDWARE = (
    "psutil.virtual_memory", "psutil.disk_usage", "psutil.cpu_count", "os.cpu_count", "psutil.boot_time",
    "multiprocessing.cpu_count",
)  # fmt: skip
_COUNTRY = ("locale.getdefaultlocale", "locale.getlocale")
_COUNTRY_TEXTS = ("ipapi.co", "ip-api.com", "ipinfo.io", "geolocation-db", "freegeoip", "geojs.io")
_BUILD_SERVERS = ("GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI", "TRAVIS", "JENKINS_URL", "BUILDKITE")
LONG_WAIT = 20
"""Seconds; sandboxes look for a minute or so, honest pauses between tries last a few seconds."""
MIN_TOOLS = 2
MIN_MACHINES = 2


def run(reading: Reading) -> Iterator[Sign]:
    """Word lists in texts, then calls, then what stands beside a deed."""
    signs = Signs(rule=RULE.name, reading=reading)
    yield from _words(reading, signs, "machine", _MACHINES, MIN_MACHINES)
    yield from _words(reading, signs, "tools", _TOOLS, MIN_TOOLS)
    yield from _words(reading, signs, "victims", _ANALYSTS, MIN_MACHINES)
    defences = tuple(word for word in _DEFENCES if word in reading.all_text)
    for text in reading.texts if defences else ():
        if any(word in text.text[:4000] for word in defences):
            yield signs.at(text, "defences", shown=text.text)
    for call in reading.file.calls:
        if "analysis.check" in call.roles and call.name.endswith(
            ("Present", "gettrace", "Process")
        ):
            yield signs.at(call, "debugger", shown=call.name)
    yield from _beside_deeds(reading, signs)


def _words(
    reading: Reading, signs: Signs, name: str, words: tuple[str, ...], least: int
) -> Iterator[Sign]:
    low = reading.low_text
    found = [word for word in words if word in low]
    if len(found) < least:
        return
    for text in reading.texts:
        if any(word in text.text[:4000].lower() for word in found):
            yield signs.at(text, name, shown=", ".join(found))
            return


def _beside_deeds(reading: Reading, signs: Signs) -> Iterator[Sign]:
    """Checks that only matter beside a call that talks, starts or executes."""
    deeds = reading.calls(*roles.TALK, roles.RUN, roles.EXECUTE)
    if not deeds:
        return
    for call in reading.calls("sleep"):
        seconds = call.arguments[0].constant if call.arguments else None
        if isinstance(seconds, (int, float)) and seconds >= LONG_WAIT and reading.near(call, deeds):
            yield signs.at(call, "delay", shown=f"{seconds} s")
    for call in reading.named(*_HARDWARE):
        if reading.near(call, reading.calls("system.halt")):
            yield signs.at(call, "hardware", shown=call.name)
    for call in reading.calls("system.halt"):
        same = any(deed.region == call.region for deed in deeds)
        if same and call.name != "sys.exit" and call.region == 0:
            yield signs.at(call, "leaves", shown=call.name)
    yield from _places(reading, signs, deeds)


def _places(reading: Reading, signs: Signs, deeds: tuple[Call, ...]) -> Iterator[Sign]:
    """Countries and build servers that are asked for."""
    for call in reading.named(*_COUNTRY):
        if reading.near(call, deeds):
            yield signs.at(call, "country", shown=call.name)
    for text in reading.texts:
        head = text.text[:300]
        if any(mark in head for mark in _COUNTRY_TEXTS):
            yield signs.at(text, "country", shown=head)
        if head in _BUILD_SERVERS and reading.near(text, deeds):
            yield signs.at(text, "build-server", shown=head)


ANALYSIS = PythonAnalysis(rule=RULE, run=run)
