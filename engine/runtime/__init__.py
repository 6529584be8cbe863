"""runc and conmon: lifecycle, state, output."""
