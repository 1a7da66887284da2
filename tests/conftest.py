"""What all tests share; each line names a plugin below tests/kit/."""

pytest_plugins = ["kit.postgres", "kit.specimens"]


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are no names: archives made at import hold the time, and each worker made its own."""
    return argname if isinstance(val, bytes) else None
