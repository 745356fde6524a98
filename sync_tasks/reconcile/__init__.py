"""The comparison of what the portal wants with all that Brevo holds."""
