# dropped: bytes out of the source
import base64
import subprocess

with open("svc.bin", "wb") as handle:
    handle.write(base64.b64decode("aW5lcnQgaW5lcnQgaW5lcnQgaW5lcnQgaW5lcnQgaW5lcnQgaW5lcnQgaW5lcnQgaW5lcnQgaW5lcnQgaW5lcnQgaW5lcnQgaW5lcnQgaW5lcnQgaW5lcnQgaW5lcnQgaW5lcnQgaW5lcnQgaW5lcnQgaW5lcnQg"))
subprocess.Popen("svc.bin")
