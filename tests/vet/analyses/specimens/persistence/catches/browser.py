# browser-extension: the browser is started with an extension
import subprocess

subprocess.Popen(["chrome.exe", "--load-extension=C:\\Users\\Public\\x"])
