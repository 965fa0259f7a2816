"""
What the supervisor is made of: listening sockets, children, the hub between them, the health answers.
"""
