"""What Python source does, read and folded but never run: calls with what flows into them, texts,
imports, regions.

`read_python(source) -> PythonFile` is the whole interface; `model.py` has its words. The analyses stand
on it.
"""
