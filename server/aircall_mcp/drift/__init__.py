"""How Aircall's answers differ from our description: found by reads only, and reported without any
data of the account."""
