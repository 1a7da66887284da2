"""What Python source does, read and folded but never run.

`read_python(source) -> PythonFile` is the whole interface; `model.py` has its words: calls with what flows
into them, texts, imports, regions. The analyses stand on it.
"""
