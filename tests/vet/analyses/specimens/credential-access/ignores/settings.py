# key-file, names-key-file: an ordinary settings file
import os

with open(os.path.expanduser("~/.config/tool/settings.toml")) as handle:
    handle.read()
