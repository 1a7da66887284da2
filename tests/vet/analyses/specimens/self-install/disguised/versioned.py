# pip: under the name of one Python
import os

os.system("pip3.11 -q install thing || /usr/bin/pip3.9 install thing")
