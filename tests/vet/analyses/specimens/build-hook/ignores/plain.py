# hook: no command at all
from setuptools import setup

setup(name="x")
