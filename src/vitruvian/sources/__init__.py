"""Where pictures come from: bytes in, frames out."""
