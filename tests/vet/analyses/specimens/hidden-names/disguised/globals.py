# execute: through globals and a reversed name
globals()["__builtins__"].__dict__["cexe"[::-1]]("x = 1")
