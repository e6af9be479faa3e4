"""The troubles of a process, for those who look after it: in words, as metrics, and in the operators' chats."""
