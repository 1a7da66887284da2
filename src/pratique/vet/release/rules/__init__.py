"""The rules that look at whole releases: one a file, each with its page under docs/rules/."""
