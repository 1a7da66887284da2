# file, opaque, decrypt, constant: a decoded config is parsed, not run
import ast
import base64
import json

settings = json.loads(base64.b64decode(open("settings.b64").read()))
tree = ast.literal_eval(settings["value"])
