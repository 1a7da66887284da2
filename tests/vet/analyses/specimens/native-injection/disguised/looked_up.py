# executable-memory: the function is looked up by a built name
import ctypes

core = getattr(ctypes.windll, "kernel" + "32")
getattr(core, "Virtual" + "Alloc")(0, 5, 0x3000, 0x40)
