"""What evidence of parties needs of the world: stores to receive it in, libraries that verify it."""
