"""Receives what Brevo reports of its contacts: an event only ever means "look at this contact"."""
