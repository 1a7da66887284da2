"""What all tests share; each line names a plugin below tests/kit/."""

pytest_plugins = ["kit.postgres", "kit.specimens"]
