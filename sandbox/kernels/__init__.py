"""Judging GPU kernels: sessions that time modules, the error bound, the roofline."""
