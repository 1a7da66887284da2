"""What parties themselves may do at the door: give evidence, and see what is known of them."""
