# python-run, python-started, python-written, script-written, inner-sinks: a generated class, a report
import subprocess
import sys

TEMPLATE = """
class {name}:
    value = {value}
"""
exec(TEMPLATE.format(name="X", value=1))
subprocess.run([sys.executable, "-m", "tool"])
with open("report.txt", "w") as handle:
    handle.write("rows: 4\n")
