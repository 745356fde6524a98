"""Receives what Brevo tells of its contacts: an event only ever means "look at this contact"."""
