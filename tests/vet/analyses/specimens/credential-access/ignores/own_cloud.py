# private-store, names-private-store, account-file, two-kinds, many-kinds, browser-decrypt, keychain, cookies, cloud-metadata, environment-dump, wifi-passwords, token-pattern, messenger-injection: a cloud library reads its own credentials
import configparser
import os
import re

config = configparser.ConfigParser()
config.read(os.path.expanduser("~/.aws/credentials"))
environment = os.environ.copy()
WORD = re.compile(r"[\w-]+@[\w-]+\.[a-z]{2,6}")
