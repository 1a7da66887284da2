# other-process, load-decoded, preload, memory-file: other processes, libraries, memory files
import base64
import ctypes
import os

handle = ctypes.windll.kernel32.OpenProcess(0x1F0FFF, False, 4)
ctypes.windll.kernel32.WriteProcessMemory(handle, 0, b"inert", 5, 0)
ctypes.CDLL(base64.b64decode("aW5lcnQuc28=").decode())
os.environ["LD_PRELOAD"] = "/srv/x.so"
os.memfd_create("x")
