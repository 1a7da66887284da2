# hook-network: the class calls a helper of another class
from urllib.request import urlopen

import setuptools
from setuptools.command import egg_info


class Steps:
    def one(self):
        return urlopen("https://collect.example/")


def after():
    Steps().one()


class Info(egg_info.egg_info):
    def run(self):
        after()


setuptools.setup(name="x", cmdclass={"egg_info": Info})
