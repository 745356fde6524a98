"""The doors of a portal: what it may use beside the four tasks; each is optional."""
