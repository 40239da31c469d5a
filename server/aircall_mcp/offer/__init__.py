"""What a principal may see and call, in the words of a model."""
