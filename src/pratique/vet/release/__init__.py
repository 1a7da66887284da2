"""What a release is as a whole: when each place runs, what it says of itself, what changed since its base."""
