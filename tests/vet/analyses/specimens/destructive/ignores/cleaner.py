# user-files, ransom, stops-processes, stops-machine, own-traces: a cleaner below its own folder
import os
import shutil

shutil.rmtree("build")
for name in os.listdir("cache"):
    os.remove(os.path.join("cache", name))
os.kill(1234, 15)
