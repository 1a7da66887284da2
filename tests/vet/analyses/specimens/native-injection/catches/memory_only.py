# memory-only: a file that exists only in memory, and nothing that starts it here
import os

handle = os.memfd_create("screen")
os.ftruncate(handle, 4096)
