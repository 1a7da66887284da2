# machine: words in pieces
NAMES = ["vbox" + "service.exe", "".join(["vm", "tools", "d.exe"])]
