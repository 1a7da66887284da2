# network, fixed-address, unknown-address, lookup, quiet-network, send, foreign-process, bare-shell, script, python, quiet-process, browser, execute, write-outside, talk-and-run, thread: what honest modules do at import
import os
import subprocess
import threading

VERSION = subprocess.check_output(["git", "describe"])
COLUMNS = os.popen("stty size").read()
with open(os.path.join(os.path.dirname(__file__), "version.txt")) as file:
    exec(file.read())


def clean():
    return None


threading.Thread(target=clean).start()

subprocess.run([os.environ.get("EDITOR", VERSION), "notes.txt"])
