# data-file: a script is executed
with open("configure.py") as handle:
    exec(handle.read())
