"""Where the world comes in: HTTP for installers and people, and the command line."""
