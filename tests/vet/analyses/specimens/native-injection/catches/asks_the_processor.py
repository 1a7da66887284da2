# executable-memory, few-bytes: a library asks the processor what it can, with a few bytes of machine code
import ctypes
import mmap

CPUID = [0x53, 0x89, 0xF0, 0x89, 0xD1, 0x0F, 0xA2, 0x89, 0x07, 0x5B, 0xC3]


def ask():
    place = mmap.mmap(-1, 4096)
    ctypes.CDLL("libc.so.6").mprotect(place, 4096, 5)
    ctypes.memmove(place, bytes(CPUID), len(CPUID))
    return ctypes.CFUNCTYPE(None)(place)


ask()
