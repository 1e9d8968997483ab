"""What this CPU offers, and the kernels chosen for it."""
