# browser-decrypt, keychain, cookies, cloud-metadata, environment-dump, wifi-passwords: the special means
import os
import subprocess

import browser_cookie3
import keyring
import requests
import win32crypt

state = {"os_crypt": {"encrypted_key": "inert"}}
win32crypt.CryptUnprotectData(state["os_crypt"]["encrypted_key"], None, None, None, 0)
keyring.get_password("service", "name")
browser_cookie3.chrome()
requests.get("http://169.254.169.254/latest/meta-data/")
for key, value in os.environ.items():
    print(key)
subprocess.run("netsh wlan show profile name=x key=clear", shell=True)
