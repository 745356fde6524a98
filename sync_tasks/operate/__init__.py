"""The operator's page: what is so, what to do about it, and who did it; acts are shared with the command line."""
