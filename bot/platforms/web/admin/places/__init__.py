"""The places that the bot knows: what is decided there, by sections that links lead to."""
