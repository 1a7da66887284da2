# execute, process, network, import, decode, native, inline-import, alias, builtins-patched: dangerous calls under other names
import base64
import builtins
import ctypes
import os
import urllib.request

getattr(builtins, "ex" + "ec")("x = 1")
getattr(os, "sys" + "tem")("true")
getattr(urllib.request, "url" + "open")("https://stage.example/")
__import__("sub" + "process")
getattr(builtins, "__im" + "port__")("o" + "s")
getattr(base64, "b64" + "decode")("aW5lcnQ=")
getattr(ctypes, "CD" + "LL")("x.so")
__import__("subprocess").run(["true"])
start = eval
start("1 + 1")
setattr(builtins, "print", None)
