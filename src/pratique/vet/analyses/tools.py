"""Programs that honest builds and modules start, so that the others stand out."""

from __future__ import annotations

from pratique.vet.analyses.reading import HOLE, carries, words_of
from pratique.vet.python.model import Call, Label

_TOOLS = frozenset([
    "git", "hg", "svn", "make", "cmake", "gcc", "g++", "cc", "clang", "ninja", "meson",
    "pkg-config", "cargo", "rustc", "nvcc", "llvm-config", "pg_config", "mysql_config", "cython",
    "swig", "protoc", "twine", "pandoc", "npm", "yarn", "pnpm", "sphinx-build", "lsb_release",
    "uname", "sw_vers", "xcrun", "xcode-select", "brew", "ldconfig", "which", "where", "rm",
    "python", "python3", "pytest", "flake8", "mypy", "black", "tox", "pip", "bash", "sh",
    "cython3", "f2py", "gfortran", "javac", "java", "mvn", "go", "dpkg-query", "curl-config",
    "xml2-config", "sdl2-config", "gdal-config", "geos-config", "nc-config", "h5cc", "mpicc",
    "latexmk", "msgfmt", "pybabel", "tsc", "node", "patch", "autoconf", "automake", "libtoolize",
    "./configure", "configure", "nproc", "sysctl", "lipo", "install_name_tool", "strip", "ar",
    "ranlib", "stty", "tput", "locale", "getconf", "ldd", "objdump", "readelf", "otool",
])  # fmt: skip
"""Programs that honest builds start; what they are told to do is judged by the command rule."""


def is_tool(call: Call) -> bool:
    """Whether a call starts such a program, or one whose name it has just found out."""
    command = words_of(call.arguments[0]) if call.arguments else ""
    first = command.split(" ", 1)[0].replace("\\", "/").rpartition("/")[2].lower()
    return first.removesuffix(".exe") in _TOOLS or (first == HOLE and carries(call, Label.HOST))
