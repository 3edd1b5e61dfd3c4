"""Life with the template: updates, and the address that they come from."""
