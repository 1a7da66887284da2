# download-run, decode-run, reverse-shell, powershell-encoded, powershell-hidden, persistence, destructive, miner, exfiltration, hidden-words, dns-exfiltration, environment-dump, credential-read, evasion, memory-code, raw-connection, install-from-elsewhere, system-write, program-file, decoded, hidden-window, detached, silent, host-facts, text-only, download, living-off-land, upload, tunnel, listens, encrypts, privilege, account, container-escape, surveillance, makes-executable: what builds start
import subprocess
import sys

subprocess.check_call(["git", "describe", "--tags"])
subprocess.run(["make", "-j4"], check=True)
subprocess.check_call([sys.executable, "-m", "pytest", "-q"])
subprocess.run("gcc -O2 -c a.c -o a.o", shell=True, check=True)
