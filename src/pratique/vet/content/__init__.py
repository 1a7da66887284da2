"""What contents are that are not Python source: by magic, by entropy, by what is written in them."""
