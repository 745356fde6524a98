"""What the process needs to know before it starts."""
