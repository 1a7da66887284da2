# browser-extension: the browser is started without
import subprocess

subprocess.Popen(["chrome", "--headless", "--disable-extensions", "report.html"])
