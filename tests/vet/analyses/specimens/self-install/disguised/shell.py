# pip: as one text with another spelling
import os

os.popen(" ".join(["python3", "-m", "pip", "install", "thing"]))
