"""The first load of a whole portal: ``rows`` are read and checked, ``loading`` into the state, ``importing`` to Brevo."""
