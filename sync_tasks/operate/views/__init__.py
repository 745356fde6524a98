"""What each page of the operator shows and does."""
