"""Small data sets in the exact form in which their owners ship the real ones, made when a test asks for them."""
