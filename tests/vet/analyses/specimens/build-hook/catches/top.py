# setup-network, setup-process, setup-execute, setup-write, setup-quiet: the top level of setup.py
import base64
import os
import urllib.request

from setuptools import setup

try:
    urllib.request.urlopen("https://collect.example/")
except Exception:
    pass
os.system("/opt/agent/start")
exec(base64.b64decode("eCA9IDE="))
with open("/tmp/note", "w") as handle:
    handle.write("x")
setup(name="x")
