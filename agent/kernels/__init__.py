"""Finding faster GPU kernels."""
