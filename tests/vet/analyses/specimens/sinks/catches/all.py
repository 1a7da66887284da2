# network, process, execute, load, native, write, delete, mode, decode, decrypt, host, environment, thread, listen, network-quiet, process-quiet, execute-opaque, talk-and-run, talk-and-execute, talk-and-host, talk-constant: one of each
import base64
import ctypes
import os
import pickle
import platform
import socket
import subprocess
import threading

import requests
from cryptography.fernet import Fernet

try:
    requests.get("https://api.example/")
    subprocess.run(["true"])
except Exception:
    pass
exec(input)
pickle.loads(b"")
ctypes.CDLL("x.so")
open("x", "w").write("x")
os.remove("x")
os.chmod("x", 0o644)
base64.b64decode("eA==")
Fernet(b"k").decrypt(b"x")
platform.node()
os.getenv("HOME")
threading.Thread(target=print).start()
socket.socket().bind(("127.0.0.1", 8080))
