"""The probe: it asks a real account what nobody can know from here, with two contacts of its own, and removes all."""
