# autostart: the folder comes in pieces
import os

folder = os.path.join(os.getenv("APPDATA"), "Microsoft", "Windows", "Start Menu", "Programs", "Startup")
with open(os.path.join(folder, "x.bat"), "w") as handle:
    handle.write("rem inert")
