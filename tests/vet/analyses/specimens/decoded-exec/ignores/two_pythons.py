# inner-execute, inner-write: plain text is executed, since only one of two Pythons can read it
import sys

if sys.version_info[0] == 2:

    def exec_(code, globs=None, locs=None):
        exec("""exec code in globs, locs""")

    exec_("""def reraise(tp, value, tb=None):
    raise tp, value, tb
""")
