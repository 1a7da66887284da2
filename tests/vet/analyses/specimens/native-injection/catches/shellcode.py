# executable-memory, shellcode: memory, copy, thread
import ctypes

code = b"inert"
place = ctypes.windll.kernel32.VirtualAlloc(0, len(code), 0x3000, 0x40)
ctypes.windll.kernel32.RtlMoveMemory(place, code, len(code))
ctypes.windll.kernel32.CreateThread(0, 0, place, 0, 0, 0)
