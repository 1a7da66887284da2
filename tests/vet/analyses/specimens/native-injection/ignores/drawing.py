# memory-file: pictures are shared with a display through a file that exists only in memory
import mmap
import os


def buffer(size):
    handle = os.memfd_create("screen")
    os.ftruncate(handle, size)
    return mmap.mmap(handle, size)


buffer(4096)
