"""The layers, a family a file. Importing this package declares all of them."""
