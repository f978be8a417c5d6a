"""What the training and the serving toolkit share. Standard library only."""
