"""`python -m pratique`, for where the command is not on the path."""

from pratique.doors.cli import main

main()
