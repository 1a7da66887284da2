# dropped-script: a script out of the source
import subprocess

script = """
import time
# nothing here, an inert program that would go on for a while
time.sleep(1)
"""
with open("watch.py", "w") as handle:
    handle.write(script)
subprocess.Popen(["python3", "watch.py"])
