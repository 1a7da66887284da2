"""What Python source does, read and folded but never run.

`read_python(source) -> PythonFile` is the whole interface; `model.py` has its words: calls with what flows
into them, texts, imports, regions. The analyses stand on it. Start reading at `reader.py`.
"""

from pratique.vet.python.limits import ReadLimits
from pratique.vet.python.model import Call, Label, PythonFile, Text, Value
from pratique.vet.python.reader import read_python

__all__ = ["Call", "Label", "PythonFile", "ReadLimits", "Text", "Value", "read_python"]
