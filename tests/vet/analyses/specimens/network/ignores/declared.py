# raw-code, free-host: the project's own pages
from setuptools import setup

setup(
    name="thing",
    url="https://somebody.github.io/thing",
    download_url="https://github.com/somebody/thing/archive/1.0.tar.gz",
)
