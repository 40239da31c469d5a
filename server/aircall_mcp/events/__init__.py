"""Events from Aircall: received, stored, read, waited for, forwarded."""
