# decrypt: the key comes with the lock
from cryptography.fernet import Fernet

key = open("key.txt", "rb").read()
body = b"gAAAAABinertinertinert"
exec(Fernet(key).decrypt(body))
