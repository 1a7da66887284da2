# odd-module: a plug-in by path
import importlib.util
import runpy

spec = importlib.util.spec_from_file_location("plugin", "plugins/one.py")
runpy.run_path("tools/version.py")
