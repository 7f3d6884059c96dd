"""PyTorch: the 308-point networks and all that is calculated on their device. Needs the extra ``sapiens``."""
