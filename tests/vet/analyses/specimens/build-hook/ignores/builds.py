# hook-network, hook-process, hook-execute, hook-write, setup-network, setup-process, setup-execute, setup-write, setup-quiet: a build command that compiles
import subprocess
import sys

from setuptools import setup
from setuptools.command.build_ext import build_ext


class Build(build_ext):
    def run(self):
        subprocess.check_call(["cmake", "--build", "build"])
        build_ext.run(self)


about = {}
with open("x/__about__.py") as handle:
    exec(handle.read(), about)
subprocess.call([sys.executable, "tools/version.py"])
setup(name="x", cmdclass={"build_ext": Build})
