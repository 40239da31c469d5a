"""How Aircall's answers differ from our description of them: looked at by reads alone, and told
without a word of the account."""
