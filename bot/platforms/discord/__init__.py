"""Discord: each workflow a slash command, each run one message that develops into the picture."""
