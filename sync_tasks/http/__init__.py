"""What the doors over HTTP have in common: who may come in, and how much they may bring."""
