"""Names that the container's modules share."""
