# foreign-process, bare-shell, script, python, quiet-process, browser: what is started
import os
import subprocess
import sys
import webbrowser

subprocess.call("/bin/sh", shell=True)
subprocess.call("./prepare.sh")
subprocess.Popen([sys.executable, "-c", "pass"])
webbrowser.open("https://channel.example/join")
try:
    os.system("helper.exe")
except OSError:
    pass
