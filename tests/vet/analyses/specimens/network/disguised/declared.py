# raw-code: declared as the project's own archive, and fetched
from urllib.request import urlopen

from setuptools import setup

setup(name="thing", download_url="https://github.com/somebody/thing/archive/1.0.tar.gz")
urlopen("https://github.com/somebody/thing/archive/1.0.tar.gz").read()
