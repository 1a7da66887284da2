# two-kinds: two kinds
PLACES = ["~/.ssh/id_rsa", "~/.aws/credentials"]
