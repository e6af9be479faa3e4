"""What a server keeps for people: the workflows that they saved, and its library of templates."""
