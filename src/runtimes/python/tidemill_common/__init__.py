"""Code that the training toolkit and the model server share. It uses only the standard library."""
