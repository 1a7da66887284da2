# odd-module: a certificate that is a module
import importlib.util
import os

place = os.path.join(os.path.dirname(__file__), "server.crt")
spec = importlib.util.spec_from_file_location("server", place)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
