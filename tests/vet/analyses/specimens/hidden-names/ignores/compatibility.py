# execute, process, network, import, decode, native, inline-import, alias, builtins-patched: functions are looked up by plain names
import importlib
import os

getuid = getattr(os, "getuid", None)
json = importlib.import_module("json")


class Handler:
    def dispatch(self, name):
        return getattr(self, "do_" + name)()


setattr(Handler, "name", "x")
