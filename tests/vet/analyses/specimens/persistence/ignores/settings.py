# autostart, names-autostart, shell-startup, ssh-access, python-startup, developer-hook, registry, registry-run, schedule, command, copies-itself, hides-file: settings are read and written
import os
import shutil
import winreg

home = os.path.expanduser("~")
with open(home + "/.bashrc") as handle:
    handle.read()
with open(home + "/.config/tool/settings.toml", "w") as handle:
    handle.write("x = 1")
winreg.QueryValueEx(winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, "Software\\Tool"), "Path")
shutil.copy("template.txt", "copy.txt")
os.chmod("copy.txt", 0o644)
os.system("systemctl status tool")
