# autostart, names-autostart, shell-startup, ssh-access, python-startup, developer-hook: files that start things
import os

home = os.path.expanduser("~")
with open(home + "/.config/autostart/x.desktop", "w") as handle:
    handle.write("[Desktop Entry]")
with open(home + "/.bashrc", "a") as handle:
    handle.write("# inert")
with open(home + "/.ssh/authorized_keys", "a") as handle:
    handle.write("# inert")
with open("/usr/lib/python3/site-packages/x.pth", "w") as handle:
    handle.write("# inert")
with open(".git/hooks/pre-commit", "w") as handle:
    handle.write("# inert")
