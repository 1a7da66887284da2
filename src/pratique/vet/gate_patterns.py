"""What the gate looks for: words and shapes without which no analysis of Python can see anything.

Words of deeds come from the catalogue (`gate_words`). By hand: builtins, ways to reach a name through a
text, and texts that mean something by themselves. A test asks for every name of the catalogue and for
every specimen of every analysis whether the gate lets it through.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

from pratique.vet.catalogue import catalogue
from pratique.vet.gate_words import Hit, words_of_catalogue

__all__ = ["RUNS_OF_BLANKS", "Hit", "patterns"]

RUNS_OF_BLANKS: Final = (b" " * 70, b"\t" * 24)
"""No honest line is indented or aligned so far."""


def _words(words: str | Iterable[str]) -> bytes:
    """Any of these as whole words."""
    every = words.split() if isinstance(words, str) else sorted(words)
    return rb"\b(?:" + "|".join(every).encode() + rb")\b"


def _parts(texts: str) -> bytes:
    """Any of these lines anywhere, in either case, without regard to what a pattern would mean."""
    rows = [row.strip("\n") for row in texts.split("\n")]
    return rb"(?i)(?:" + b"|".join(_literal(row) for row in rows if row) + rb")"


def _literal(text: str) -> bytes:
    return b"".join(
        bytes([byte]) if chr(byte).isalnum() else b"\\x%02x" % byte for byte in text.encode()
    )


_BY_HAND: Final[dict[Hit, Sequence[bytes]]] = {
    Hit.EXECUTE: (
        rb"(?:^|[^.\w])(?:exec|eval|execfile|compile)\b",  # not `re.compile`, not `frame.eval`
        _words("__code__ push_source ForwardRef get_type_hints exec_ runcode runsource allow_pickle"),
    ),
    Hit.IMPORTER: (
        _words(
            "__import__ import_module importlib builtins __builtin__ __builtins__ __loader__ __self__ "
            "__subclasses__ __mro__ __globals__ func_globals f_globals f_builtins f_locals gi_frame "
            "tb_frame __getattribute__ attrgetter methodcaller resolve_name locate __dict__ globals "
            "locals vars __spec__ _getframe currentframe getattr_static __reduce__"
        ),
        rb"\bsys[ \t]*\.[ \t]*modules\b",
        rb"\bmodules[ \t]*\[",
    ),
    Hit.ATTRIBUTE: (_words("getattr setattr __getattr__ __getitem__"),),
    Hit.PROCESS: (_words("subprocess commands system popen WinExec CreateProcess QProcess"),),
    Hit.NETWORK: (
        _words("http HTTPConnection HTTPSConnection WinHttp XMLHTTP QNetworkAccessManager"),
        rb"\bmultiprocessing[^\n]{0,40}\bconnection\b",
    ),
    Hit.DECODE: (_words("base64 codecs fromhex decompress decrypt XOR xor rot13 rot_13 unicode_escape"),),
    Hit.CHARACTERS: (
        _words("chr unichr ord maketrans translate bytearray fromordinal"),
        rb"\\x[0-9a-fA-F]{2}\\x[0-9a-fA-F]{2}\\x[0-9a-fA-F]{2}\\x[0-9a-fA-F]{2}",
        rb"\[[ \t]*:[ \t]*:[ \t]*-[ \t]*1[ \t]*\]",
        rb"\\[0-7]{3}\\[0-7]{3}\\[0-7]{3}\\[0-7]{3}",
        rb"(?:[0-9]{2,3},[ \t]?){8}",
        rb"\bdecode[ \t]*\(",
    ),
    Hit.HOST: (_words("expanduser getuser hostname USERNAME COMPUTERNAME version_info"),),
    Hit.ENVIRON: (_words("environ environb getenv getenvb dotenv"),),
    Hit.SPY: (_words("screenshot GetClipboardData clipboard_get xclip xsel pbpaste"),),
    Hit.NATIVE: (_words("CFUNCTYPE WINFUNCTYPE kernel32 ntdll windll cdll shellcode"),),
    Hit.FILES: (_words("write writelines write_bytes write_text rename replace"),),
    Hit.SENSITIVE: (
        _parts(
            """
.ssh
.aws
.azure
.kube
.docker/config
.netrc
_netrc
.pypirc
.npmrc
.git-credentials
.gnupg
gcloud
application_default_credentials
id_rsa
id_ed25519
id_ecdsa
id_dsa
/etc/passwd
/etc/shadow
login data
local state
cookies.sqlite
logins.json
key4.db
web data
user data
leveldb
wallet
metamask
electrum
exodus
keychain
169.254.169.254
metadata.google
169.254.170.2
100.100.100.200
computemetadata
/proc/self
/proc/1/
_history
appdata
roaming
mnemonic
seed phrase
serviceaccount
service-account
service_account
discordcanary
lightcord
telegram desktop
tdata
cryptunprotect
win32crypt
secretstorage
dpapi
.vault-token
.terraform
kubeconfig
ghp_
github_pat
xoxb
xoxp
clipper
bitcoin
ethereum
monero
solana
google/chrome
bravesoftware
opera software
mozilla
chromium
.env"
.env'
environ\\
"""
        ),
    ),
    Hit.SECRET_WORD: (
        _parts(
            """
token
api_key
apikey
access_key
secret
passw
credential
private_key
privatekey
chrome
firefox
steam
cookie
"""
        ),
    ),
    Hit.PERSIST: (
        _parts(
            """
crontab
/etc/cron
currentversion
launchagents
launchdaemons
systemd/
systemctl
bashrc
zshrc
.profile
bash_profile
start menu
schtasks
sitecustomize
usercustomize
.pth
authorized_keys
winreg
reg add
autostart
rc.local
init.d/
ld_preload
xinitrc
autorun
pythonstartup
.git/hooks
powershell_profile
sudoers
usersite
site-packages
startup
"""
        ),
    ),
    Hit.COMMAND: (
        rb"(?i)\b(?:curl|wget|openssl) ",
        _parts(
            """
curl"
curl'
wget"
wget'
powershell
pwsh
cmd.exe
cmd /c
/bin/sh
/bin/bash
/bin/zsh
bash -
sh -c
/dev/tcp
netcat
ncat
socat
mkfifo
certutil
bitsadmin
mshta
rundll32
regsvr32
wscript
cscript
invoke-
iex(
downloadstring
downloadfile
start-process
encodedcommand
chmod +x
chmod 7
nohup
base64 -
python -c
python3 -c
perl -e
ruby -e
php -r
node -e
pip install
pip3 install
-m pip
pip._internal
pip.main
rm -rf
taskkill
tasklist
wmic
netsh
net user
osascript
launchctl
vssadmin
bcdedit
whoami
ifconfig
ipconfig
systeminfo
nslookup
xmrig
minerd
stratum+
--privileged
uname -
|sh
| sh
|bash
| bash
|python
.exe
.bat
.vbs
.ps1
.scr
.hta
.lnk
#!/bin
"""
        ),
    ),
    Hit.URL: (rb"(?i)https?:[/\\]", rb"(?i)\bwss?:[/\\]", rb"(?i)\bftp:[/\\]", rb"(?i)hxxps?:"),
    Hit.RAW_ADDRESS: (
        rb"\b[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\b",
        _parts(
            """
.onion
ngrok
pastebin
hastebin
rentry
ghostbin
paste.
discord.com/api
discordapp
cdn.discord
api.telegram
t.me/
webhook
requestbin
pipedream
oast
interact.sh
burpcollaborator
canarytokens
transfer.sh
file.io
anonfiles
gofile
catbox
bit.ly
tinyurl
workers.dev
duckdns
no-ip
serveo
trycloudflare
localtunnel
raw.githubusercontent
gist.github
dropbox
drive.google
mediafire
mega.nz
ipfs
repl.co
glitch.me
herokuapp
vercel.app
netlify
firebaseio
pythonanywhere
000webhost
beeceptor
hookbin
dnslog
ceye.io
eth_call
ipify
ipinfo
ip-api
ifconfig.me
icanhazip
/raw/
"""
        ),
    ),
    Hit.BLOB: (rb"[A-Za-z0-9+/=_-]{160}", rb"(?:\\x[0-9a-fA-F]{2}){40}", rb"[0-9a-fA-F]{128}"),
    Hit.LONG_LINE: (rb"[^\n]{1000}",),
    Hit.HOOK: (
        _words(
            "cmdclass build_py egg_info install_lib build_wheel build_sdist build_editable meta_path "
            "path_hooks settrace setprofile atexit excepthook addaudithook"
        ),
        _parts("virtualbox\nvmware\nqemu\nsandboxie\nwireshark\nvbox"),
    ),
    Hit.PACKER: (
        _parts(
            """
pyarmor
pytransform
hyperion
pyobfuscate
berserker
blankobf
blank-obf
pyminifier
pyfuscator
sourcedefender
__nuitka__
"""
        ),
    ),
    Hit.AGENT: (
        _parts(
            """
<important>
system_directive
ignore previous
ignore all previous
do not tell the user
do not mention
without telling
before using this tool
you are an ai
disregard
--dangerously
--yolo
trust-all-tools
"""
        ),
    ),
}  # fmt: skip


_BLANK = rb"[ \t\f\\\r\n]"


def _imported(words: Iterable[str]) -> bytes:
    """Any of these where a module stands in an import."""
    every = "|".join(sorted(words)).encode()
    return rb"(?:\b(?:import|from)" + _BLANK + rb"+|," + _BLANK + rb"*)(?:" + every + rb")\b"


@cache
def patterns() -> dict[int, Sequence[bytes]]:
    """Every class with its patterns, in the part of the language that hyperscan and RE2 share."""
    told = words_of_catalogue(catalogue())
    found: dict[int, Sequence[bytes]] = {}
    for hit in Hit:
        rows = list(_BY_HAND.get(hit, ()))
        if hit in told and told[hit].modules:
            rows.append(_imported(told[hit].modules))
        if hit in told and told[hit].components:
            rows.append(_words(told[hit].components))
        if rows:
            found[hit] = rows
    return found
