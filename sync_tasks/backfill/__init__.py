"""The first load of a whole portal: ``rows`` are checked, ``loading`` into the state, ``importing`` to Brevo."""
