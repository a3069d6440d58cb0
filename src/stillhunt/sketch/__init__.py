"""Pure maths over text, bytes and arrays: plain Python and numpy."""
