# executable-memory, few-bytes, memory-only, shellcode, other-process, load-decoded, preload, memory-file: a library of the system is used
import ctypes
import ctypes.util

libc = ctypes.CDLL(ctypes.util.find_library("c"))
libc.getpid()
ctypes.windll.kernel32.OpenProcess(0x400, False, 4)
