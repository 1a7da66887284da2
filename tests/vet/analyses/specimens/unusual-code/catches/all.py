# python-run, python-started, python-written, script-written, inner-sinks: programs in strings
import subprocess
import sys

PROGRAM = """
import urllib.request
urllib.request.urlopen("https://collect.example/").read()
"""
exec(PROGRAM)
subprocess.Popen([sys.executable, "-c", "import urllib.request; urllib.request.urlopen('https://collect.example/')"])
with open("x.py", "w") as handle:
    handle.write(PROGRAM)
with open("x.bat", "w") as handle:
    handle.write("@echo off\nrem inert")
