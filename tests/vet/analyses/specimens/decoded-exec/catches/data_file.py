# data-file: a picture is executed
with open("logo.png") as handle:
    exec(handle.read())
