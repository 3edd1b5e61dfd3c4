"""Status and doctor."""
