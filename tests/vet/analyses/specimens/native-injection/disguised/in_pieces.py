# shellcode: pieces of an inert text where machine code would stand, each of them short
import ctypes

CPUID = [0x53, 0x0F, 0xA2, 0x5B, 0xC3]
ONE = "696e6572742c20696e6572742c20696e6572742c20696e6572742c20"
TWO = "696e6572742c20696e6572742c20696e6572742c20696e6572742c20"

place = ctypes.windll.kernel32.VirtualAlloc(0, 5, 0x3000, 0x40)
ctypes.windll.kernel32.RtlMoveMemory(place, make(ONE, TWO), 5)
ctypes.windll.kernel32.CreateThread(0, 0, place, 0, 0, 0)
