# hook, hook-network, hook-process, hook-execute, hook-write: an install command
import base64
import os
import subprocess

import requests
from setuptools import setup
from setuptools.command.install import install


class Install(install):
    def run(self):
        install.run(self)
        requests.get("https://collect.example/")
        subprocess.Popen(["/opt/agent/start"])
        exec(base64.b64decode("eCA9IDE="))
        with open(os.path.expanduser("~/.note"), "w") as handle:
            handle.write("x")


setup(name="x", cmdclass={"install": Install})
